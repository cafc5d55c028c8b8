import { isSignedBy, parseAccount } from "@granary/chain-client/accounts";
import { type AccountId, CodedError } from "@granary/primitives";
import { cryptoWaitReady } from "@polkadot/util-crypto";
import { accountOfEthereum, isEthereumAddress, recoverEthereumSigner } from "./ethereum.js";
import { messageExpiry } from "./message-expiry.js";

/** The headers that say who asks. */
export interface Credentials {
  readonly account: string | undefined;
  readonly ethAddress: string | undefined;
  readonly message: string | undefined;
  readonly signature: string | undefined;
}

/**
 * Who signed a request. Like DeOSS, the signature covers the message only; unlike DeOSS, an Ethereum key speaks only for
 * the account that the chain derives from its address.
 *
 * @throws CodedError SIGNATURE_MISSING, SIGNATURE_EXPIRED, SIGNATURE_INVALID, SIGNATURE_ACCOUNT_MISMATCH (denied),
 *   ACCOUNT_INVALID, ETH_ADDRESS_INVALID (invalid)
 */
export async function identify(credentials: Credentials, nowMs: number): Promise<AccountId> {
  const { message, signature, ethAddress } = credentials;
  if (!message || !signature || !(credentials.account || ethAddress)) {
    throw new CodedError("SIGNATURE_MISSING", "denied", "the headers Account, Message and Signature are needed");
  }
  const account = credentials.account ? parseAccount(credentials.account) : null;
  const expiresAt = messageExpiry(message);
  if (expiresAt !== null && expiresAt <= nowMs) {
    throw new CodedError("SIGNATURE_EXPIRED", "denied", "the time that the message names is over");
  }
  if (ethAddress) return identifyEthereum(ethAddress, account, message, signature);
  if (account === null || !(await isSigned(account, message, signature))) throw signatureInvalid();
  return account;
}

async function identifyEthereum(
  address: string,
  account: AccountId | null,
  message: string,
  signature: string,
): Promise<AccountId> {
  if (!isEthereumAddress(address)) {
    throw new CodedError("ETH_ADDRESS_INVALID", "invalid", "EthAcc is an EIP-55 address");
  }
  await cryptoWaitReady();
  if (recoverEthereumSigner(message, signature) !== address) throw signatureInvalid();
  const own = accountOfEthereum(address);
  if (account !== null && account !== own) {
    throw new CodedError("SIGNATURE_ACCOUNT_MISMATCH", "denied", "this Ethereum key does not own the account", {
      ownAccount: own,
    });
  }
  return own;
}

/** Wallets tag what they sign, and some clients put the tags into the message: each combination is a signature. */
async function isSigned(account: AccountId, message: string, signature: string): Promise<boolean> {
  if (await isSignedBy(account, message, signature)) return true;
  const inner = /^<Bytes>([\s\S]*)<\/Bytes>$/.exec(message)?.[1];
  return inner !== undefined && isSignedBy(account, inner, signature);
}

const signatureInvalid = () =>
  new CodedError("SIGNATURE_INVALID", "denied", "the signature is not the account's over this message");
