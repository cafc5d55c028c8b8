/** Takes one line of progress, for people. */
export type Log = (line: string) => void;
