import type { z } from "zod";
import * as chain from "./chain.js";
import type { EventContract, RequestContract, Service } from "./contract.js";
import * as deal from "./deal.js";
import * as miner from "./miner.js";
import * as operations from "./operations.js";
import * as upload from "./upload.js";

export { chainFileOwner, chainFileSegment, type Territory, territory } from "./chain.js";
export * from "./contract.js";
export { dealColumn, dealStates } from "./deal.js";
export * from "./field.js";
export { type ChainMiner, chainMiner, minerStandings, type RatedMiner, ratedMiner } from "./miner.js";
export { type DeadLetterView, deadLetter, type QueueView } from "./operations.js";
export { protoFiles, protoFolder, protoPackage } from "./proto.js";
export * from "./request-signature.js";
export { manifestSegment } from "./upload.js";

/** Every fact that travels over JetStream. */
export const events = {
  uploadReceived: upload.uploadReceived,
  objectEncoded: upload.objectEncoded,
  encodingFailed: upload.encodingFailed,
  dealAdvanced: deal.dealAdvanced,
  fragmentCorrupt: deal.fragmentCorrupt,
  minerChanged: miner.minerChanged,
  columnReported: chain.columnReported,
  fileActivated: chain.fileActivated,
  fileDeleted: chain.fileDeleted,
  dealRemoved: chain.dealRemoved,
  dealDeclared: chain.dealDeclared,
} as const;

/** Every question that travels over core NATS. */
export const requests = {
  manifestSegments: upload.manifestSegments,
  stagedObjectFind: upload.stagedObjectFind,
  dealShow: deal.dealShow,
  objectDelete: deal.objectDelete,
  dealResume: deal.dealResume,
  gatewayShow: deal.gatewayShow,
  chainMinersList: miner.chainMinersList,
  chainMinersFind: miner.chainMinersFind,
  minersList: miner.minersList,
  minerExplain: miner.minerExplain,
  minerQuarantine: miner.minerQuarantine,
  minerRelease: miner.minerRelease,
  operatorActionsList: miner.operatorActionsList,
  chainStatus: chain.chainStatus,
  territoryShow: chain.territoryShow,
  territoriesList: chain.territoriesList,
  authorizationShow: chain.authorizationShow,
  chainFileShow: chain.chainFileShow,
  chainFileSegments: chain.chainFileSegments,
  chainDealShow: chain.chainDealShow,
  holdingsList: chain.holdingsList,
  encodingDeadLetters: operations.encodingDeadLetters,
  encodingDeadLetterSettle: operations.encodingDeadLetterSettle,
  encodingQueues: operations.encodingQueues,
  encodingShow: operations.encodingShow,
  dealDeadLetters: operations.dealDeadLetters,
  dealDeadLetterSettle: operations.dealDeadLetterSettle,
  dealQueues: operations.dealQueues,
  placementPause: operations.placementPause,
} as const;

export type EventName = keyof typeof events;
export type RequestName = keyof typeof requests;
export type MessageOf<K extends EventName> = z.infer<(typeof events)[K]["schema"]>;
export type InputOf<K extends RequestName> = z.infer<(typeof requests)[K]["input"]>;
export type OutputOf<K extends RequestName> = z.infer<(typeof requests)[K]["output"]>;
export type AnyEvent = EventContract<Service, readonly Service[], z.ZodType>;
export type AnyRequest = RequestContract<Service, z.ZodType, z.ZodType>;

/** Events that name a service as consumer. A service without a handler for one of them does not compile. */
export type EventsFor<S extends Service> = {
  [K in EventName]: S extends (typeof events)[K]["consumers"][number] ? K : never;
}[EventName];

/** Requests that a service answers. */
export type RequestsFor<S extends Service> = {
  [K in RequestName]: S extends (typeof requests)[K]["server"] ? K : never;
}[RequestName];

/** `Tx` is the transaction in which the effect of a message is written, once. */
export type EventHandlersFor<S extends Service, Tx> = {
  readonly [K in EventsFor<S>]: (message: MessageOf<K>, tx: Tx) => Promise<void>;
};

export type RequestHandlersFor<S extends Service> = {
  readonly [K in RequestsFor<S>]: (input: InputOf<K>) => Promise<OutputOf<K>>;
};

export const eventsFor = (service: Service): EventName[] =>
  (Object.keys(events) as EventName[]).filter((name) =>
    (events[name].consumers as readonly Service[]).includes(service),
  );

export const requestsFor = (service: Service): RequestName[] =>
  (Object.keys(requests) as RequestName[]).filter((name) => requests[name].server === service);
