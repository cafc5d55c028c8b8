import { type ChildProcess, spawn } from "node:child_process";

/**
 * Children must not outlive a supervisor that was killed -9. A shell of about one megabyte holds the other end of a
 * pipe: the system closes the pipe however the supervisor dies, and the shell then ends what is still on its list,
 * first with the signal each child asked for, and what is left after five seconds with SIGKILL. It is in a session of its own, so
 * Ctrl-C in a terminal does not reach it.
 */
const script = `
trap '' INT TERM HUP
children=
while read -r verb pid signal; do
  case $verb in
    watch) children="$children $pid:$signal" ;;
    forget)
      kept=
      for child in $children; do [ "\${child%:*}" = "$pid" ] || kept="$kept $child"; done
      children=$kept ;;
  esac
done
for child in $children; do kill -s "\${child#*:}" "\${child%:*}" 2>/dev/null; done
tries=50
while [ -n "$children" ] && [ $tries -gt 0 ]; do
  alive=
  for child in $children; do kill -0 "\${child%:*}" 2>/dev/null && alive="$alive $child"; done
  children=$alive
  tries=$((tries - 1))
  [ -z "$children" ] || sleep 0.1
done
for child in $children; do kill -s KILL "\${child%:*}" 2>/dev/null; done
`;

export type OrphanSignal = "TERM" | "INT" | "QUIT";

let watchdog: ChildProcess | undefined;
const watched = new Map<number, OrphanSignal>();

/** From now on this child ends soon after the present process does. Call forget() when it has ended. */
export function watch(pid: number, signal: OrphanSignal): void {
  watched.set(pid, signal);
  if (watchdog === undefined) startWatchdog();
  else tell(`watch ${pid} ${signal}`);
}

export function forget(pid: number): void {
  if (watched.delete(pid)) tell(`forget ${pid}`);
}

function startWatchdog(): void {
  const shell = spawn("/bin/sh", ["-c", script], { stdio: ["pipe", "ignore", "ignore"], detached: true, cwd: "/" });
  watchdog = shell;
  // Whoever kills the watchdog gets a new one with the next child: nothing depends on it while we live.
  const lost = () => {
    if (watchdog === shell) watchdog = undefined;
  };
  shell.on("error", lost);
  shell.on("exit", lost);
  shell.stdin?.on("error", lost);
  shell.unref();
  (shell.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  for (const [pid, signal] of watched) tell(`watch ${pid} ${signal}`);
}

function tell(line: string): void {
  watchdog?.stdin?.write(`${line}\n`);
}
