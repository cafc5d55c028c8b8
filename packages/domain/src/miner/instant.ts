/** A moment: milliseconds since 1970. The core never reads a clock, so every function that needs one is given it. */
export type Instant = number;

/** Uniform in [0, 1). */
export type Random = () => number;
