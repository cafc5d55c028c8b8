import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where servers are installed without being on the PATH of a plain user. */
const moreFolders = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/opt/homebrew/bin"];

/** PATH without the folders of npm packages, whose programs of the same name are wrappers that download. */
export function searchFolders(path: string | undefined): string[] {
  const folders = [...(path ?? "").split(delimiter), ...moreFolders];
  return [...new Set(folders)].filter((folder) => folder.startsWith("/") && !folder.includes("node_modules"));
}

export function findOnPath(names: readonly string[], folders = searchFolders(process.env.PATH)): string | undefined {
  const files = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return files.find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
