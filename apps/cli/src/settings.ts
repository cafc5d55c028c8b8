import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { loadSigner, type Signer } from "@granary/chain-client";
import { CodedError } from "@granary/primitives";

/** What `granary up` leaves for the other commands, in the folder of its network. */
export interface NetworkFile {
  readonly gateway: string;
  readonly chain: string;
  readonly minerControl: string;
  /** Secret URI of the development account that commands act as when no key is given. */
  readonly developmentKey: string;
  /** Token of this network's only operator. */
  readonly operatorToken?: string;
}

export const NETWORK_DIR = ".granary";
const NETWORK_FILE = "network.json";

export interface GlobalOptions {
  readonly gateway?: string;
  readonly chain?: string;
  readonly keyFile?: string;
  readonly operatorTokenFile?: string;
  readonly json?: boolean;
}

/** Where the gateway and the chain are, and who acts: options first, then the environment, then a network here. */
export interface Settings {
  readonly gatewayUrl: string;
  readonly chainUrl: string;
  signer(): Promise<Signer>;
  operatorToken(): string;
  /** What opens a keystore. */
  keyPassword(): string | undefined;
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, "");

export const networkFileOf = (dir: string): string => path.join(dir, NETWORK_FILE);

function findNetwork(from: string): NetworkFile | undefined {
  for (let dir = path.resolve(from); ; dir = path.dirname(dir)) {
    const file = networkFileOf(path.join(dir, NETWORK_DIR));
    if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as NetworkFile;
    if (dir === path.dirname(dir)) return undefined;
  }
}

/**
 * @throws CodedError KEY_MISSING, OPERATOR_TOKEN_MISSING (denied) from `signer()` and `operatorToken()` when nobody said
 * whose to use
 */
export function resolveSettings(options: GlobalOptions, environment: NodeJS.ProcessEnv, cwd: string): Settings {
  const network = findNetwork(cwd);
  const gatewayUrl = withoutSlash(
    options.gateway ?? environment.GRANARY_GATEWAY_URL ?? network?.gateway ?? "http://127.0.0.1:8080",
  );
  const chainUrl = options.chain ?? environment.GRANARY_CHAIN_URL ?? network?.chain ?? "ws://127.0.0.1:9944";
  // The development key is for the network that brought it, whoever named another one, and how.
  const isOwnNetwork = gatewayUrl === withoutSlash(network?.gateway ?? "") && chainUrl === network?.chain;
  const keyPassword = (): string | undefined => {
    const { GRANARY_KEY_PASSWORD: password, GRANARY_KEY_PASSWORD_FILE: file } = environment;
    return password ?? (file === undefined ? undefined : readSecretFile(file));
  };
  return {
    keyPassword,
    gatewayUrl,
    chainUrl,
    async signer() {
      const file = options.keyFile ?? environment.GRANARY_KEY_FILE;
      if (file !== undefined) return loadSigner(readSecretFile(file), keyPassword());
      if (environment.GRANARY_KEY !== undefined) return loadSigner(environment.GRANARY_KEY);
      if (network !== undefined && isOwnNetwork) return loadSigner(network.developmentKey);
      throw new CodedError(
        "KEY_MISSING",
        "denied",
        "name the file with your key by --key-file or GRANARY_KEY_FILE, or set GRANARY_KEY",
      );
    },
    operatorToken() {
      const file = options.operatorTokenFile ?? environment.GRANARY_OPERATOR_TOKEN_FILE;
      if (file !== undefined) return readSecretFile(file);
      const token = environment.GRANARY_OPERATOR_TOKEN ?? (isOwnNetwork ? network?.operatorToken : undefined);
      if (token !== undefined) return token;
      throw new CodedError(
        "OPERATOR_TOKEN_MISSING",
        "denied",
        "name the file with your token by --operator-token-file or GRANARY_OPERATOR_TOKEN_FILE, or set GRANARY_OPERATOR_TOKEN",
      );
    },
  };
}

function readSecretFile(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new CodedError("KEY_FILE_UNREADABLE", "invalid", `the key file ${file} cannot be read`, {}, { cause });
  }
}
