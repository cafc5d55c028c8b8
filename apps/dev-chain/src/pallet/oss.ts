import { encode, fromHex, type Hex, hexLength } from "../engine/codec.js";
import { type Context, ensure, handler, type Pallet, signer } from "../engine/dispatch.js";
import { storedMap, storedMaybeMap } from "../engine/storage.js";
import { evmAccountMatches } from "./evm-signature.js";
import { sr25519Matches } from "./sr25519-signature.js";

const authorities = storedMap<[Hex], Hex[]>("Oss", "AuthorityList");
const gateways = storedMaybeMap<[Hex], { peerId: Hex; domain: Hex }>("Oss", "Oss");

/** Accounts that one owner may authorize at a time. */
const authorLimit = 20;
/** Blocks for which a signed authorization can still be handed in after the block it names. */
const payloadExpired = 100;

/** Whether `operator` may act for `owner`. */
export const mayActFor = (context: Context, operator: Hex, owner: Hex): boolean =>
  operator === owner || authorities.get(context.state, owner).includes(operator);

/** @returns false where it was given already */
function authorize(context: Context, owner: Hex, operator: Hex): boolean {
  const list = authorities.get(context.state, owner);
  if (list.includes(operator)) return false;
  ensure(list.length < authorLimit, "Oss", "BoundedVecError");
  authorities.put(context.state, owner, [...list, operator]);
  return true;
}

interface Endpoint {
  readonly endpoint: Hex;
  readonly domain: Hex;
}
interface ProxyAuthorization {
  readonly authPuk: Hex;
  readonly sig: Hex;
  readonly payload: { readonly oss: Hex; readonly exp: number };
}

/** What the owner signed: the payload between the tags that wallets put around raw bytes. */
const wrapped = (payload: ProxyAuthorization["payload"]): Uint8Array =>
  Buffer.concat([Buffer.from("<Bytes>"), encode("ProxyAuthPayload", payload), Buffer.from("</Bytes>")]);

const isFresh = (context: Context, payload: ProxyAuthorization["payload"]): boolean =>
  payload.exp + payloadExpired > context.block;

export const oss: Pallet = {
  name: "Oss",
  calls: {
    authorize: handler((context, { operator }: { operator: Hex }) => {
      const acc = signer(context);
      authorize(context, acc, operator);
      context.emit("Oss", "Authorize", { acc, operator });
    }),
    cancel_authorize: handler((context, args: { oss: Hex }) => {
      const acc = signer(context);
      ensure(authorities.has(context.state, acc), "Oss", "NoAuthorization");
      const rest = authorities.get(context.state, acc).filter((operator) => operator !== args.oss);
      authorities.put(context.state, acc, rest);
      context.emit("Oss", "CancelAuthorize", { acc, oss: args.oss });
    }),
    register: handler((context, { endpoint, domain }: Endpoint) => {
      const acc = signer(context);
      ensure(!gateways.has(context.state, acc), "Oss", "Registered");
      gateways.put(context.state, acc, { peerId: endpoint, domain });
      context.emit("Oss", "OssRegister", { acc, endpoint });
    }),
    update: handler((context, { endpoint, domain }: Endpoint) => {
      const acc = signer(context);
      ensure(gateways.has(context.state, acc), "Oss", "UnRegister");
      gateways.put(context.state, acc, { peerId: endpoint, domain });
      context.emit("Oss", "OssUpdate", { acc, newEndpoint: endpoint });
    }),
    destroy: handler((context) => {
      const acc = signer(context);
      ensure(gateways.has(context.state, acc), "Oss", "UnRegister");
      gateways.remove(context.state, acc);
      context.emit("Oss", "OssDestroy", { acc });
    }),
    /** Anybody may hand in an owner's signed authorization and pay for it. No event tells of it. */
    proxy_authorzie: handler((context, { authPuk, sig, payload }: ProxyAuthorization) => {
      signer(context);
      ensure(isFresh(context, payload), "Oss", "Expired");
      ensure(hexLength(sig) === 64, "Oss", "MalformedSignature");
      ensure(sr25519Matches(wrapped(payload), sig, authPuk), "Oss", "VerifySigFailed");
      ensure(authorize(context, authPuk, payload.oss), "Oss", "Existed");
    }),
    evm_proxy_authorzie: handler((context, { authPuk, sig, payload }: ProxyAuthorization) => {
      signer(context);
      ensure(isFresh(context, payload), "Oss", "Expired");
      ensure(evmAccountMatches(wrapped(payload), fromHex(sig), authPuk), "Oss", "VerifySigFailed");
      ensure(authorize(context, authPuk, payload.oss), "Oss", "Existed");
    }),
  },
};
