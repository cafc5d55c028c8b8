export {
  type Candidate,
  type NextStep,
  type NotEnough,
  nextStep,
  planRead,
  type ReadPlan,
  type ReadProgress,
} from "./plan.js";
export { contentRange, dataRowsOf, parseRange, type RangeAnswer, type SegmentSpan, spansOf } from "./range.js";
