export { type Advanced, type AttemptOutcome, advance, type DealEvent, type Effect } from "./advance.js";
export {
  type Column,
  type ColumnState,
  type Deal,
  type DealState,
  type Failure,
  holdersOf,
  minersOf,
  openDeal,
  type Rival,
  type Standing,
  standingOf,
} from "./deal.js";
export {
  type ChainView,
  type DeclarationStep,
  type FileOnChain,
  nextDeclarationStep,
  type Obstacle,
  type OpenDealOnChain,
  type Order,
  obstacleOfRefusal,
} from "./declaration.js";
