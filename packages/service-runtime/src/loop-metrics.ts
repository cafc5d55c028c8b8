import type { Register } from "@granary/telemetry";
import type { Step } from "./loop.js";

const stepOutcomes = ["busy", "idle", "throttled", "failed"] as const;
type StepOutcome = (typeof stepOutcomes)[number];

/** Counts what the steps of a loop come to. */
export function observeStep(register: Register, loop: string, step: Step): Step {
  const steps = register.counter<{ loop: string; outcome: StepOutcome }>({
    name: "granary_loop_steps_total",
    help: "Steps of the service's loops, by loop and what they came to",
    labels: { loop: [loop], outcome: stepOutcomes },
  });
  return async (signal) => {
    try {
      const outcome = await step(signal);
      steps.add({ loop, outcome: typeof outcome === "string" ? outcome : "throttled" });
      return outcome;
    } catch (error) {
      if (!signal.aborted) steps.add({ loop, outcome: "failed" });
      throw error;
    }
  };
}
