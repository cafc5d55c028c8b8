export { type Cell, type CellResult, runCell } from "./cell.js";
export { type PolicyName, policyNames } from "./policy/index.js";
export { type Population, populations } from "./population.js";
