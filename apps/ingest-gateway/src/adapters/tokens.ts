import { type DeadLetterDesk, token } from "@granary/service-runtime";
import type { Receiving } from "../http/receiving.js";
import type { Ports } from "../ports.js";
import type { RetrievalClient } from "./retrieval-client.js";

export const portsToken = token<Ports & { readonly receiving: Receiving }>("ports");
export const lettersToken = token<DeadLetterDesk>("dead letters");
export const retrievalToken = token<RetrievalClient>("retrieval");
