import { readFileSync, statSync } from "node:fs";
import { asCodedError, CodedError } from "@granary/primitives";
import type { Step } from "@granary/service-runtime";
import type { Log } from "@granary/telemetry";
import { type AccessCheck, createAccessCheck } from "../identity/access-list.js";

export interface AccessOptions {
  readonly mode: "public" | "private";
  readonly listed: readonly string[];
  readonly always: readonly string[];
  /** More accounts, one in a line; `#` begins a remark. */
  readonly file: string | undefined;
  readonly log: Log;
}

/**
 * The access check, with a list from a file that may change while the gateway runs. A changed file that cannot be read is
 * logged, and the list stays what it was: a typing error must not let everybody in, or lock everybody out.
 * @throws CodedError ACCESS_FILE_INVALID (invalid) when the file is bad from the start
 */
export function createAccess(options: AccessOptions): { readonly check: AccessCheck; readonly reload: Step } {
  const { file, log } = options;
  let version = file === undefined ? "" : versionOf(file);
  let current = load();

  function load(): AccessCheck {
    return createAccessCheck({
      ...options,
      listed: [...options.listed, ...(file === undefined ? [] : readList(file))],
    });
  }

  return {
    check: (account) => current(account),
    async reload() {
      if (file === undefined) return "idle";
      try {
        const found = versionOf(file);
        if (found === version) return "idle";
        version = found;
        current = load();
        log.info("read the access list again", { file });
      } catch (thrown) {
        version = "";
        log.thrown("the access list stays what it was", asCodedError(thrown), { file });
      }
      return "idle";
    },
  };
}

/** Also another file at the same place, as Kubernetes swaps them, is another version. */
function versionOf(file: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(file);
    return `${ino} ${mtimeMs} ${size}`;
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

function readList(file: string): string[] {
  try {
    const lines = readFileSync(file, "utf8").split("\n");
    return lines.map((line) => line.replace(/#.*/, "").trim()).filter((line) => line !== "");
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

const unreadable = (file: string, cause: unknown): CodedError =>
  new CodedError("ACCESS_FILE_INVALID", "invalid", `the access list ${file} cannot be read`, { file }, { cause });
