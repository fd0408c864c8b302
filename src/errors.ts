/**
 * The one table of errors that Sluice reports to people. A code never changes its meaning and is never used again.
 *
 * SL1xxx Kubernetes API and resources · SL2xxx control plane and xDS · SL3xxx module supply · SL4xxx Wasm host ·
 * SL5xxx proxy · SL6xxx command line, standalone and pods.
 */

/** Who has to act: the user's configuration, an extension's author, the peer on either side, the machine, or us. */
export type ErrorSource = 'config' | 'extension' | 'downstream' | 'upstream' | 'environment' | 'internal'

/** What users find under a code. */
export interface ErrorEntry {
  readonly source: ErrorSource
  /** What happened, as a sentence without a full stop; details follow after a colon. */
  readonly title: string
  /** What to do about it. */
  readonly hint: string
}

/** By code; `node scripts/docs-errors.ts` writes them into the reference. */
export const ERRORS = {
  SL1001: {
    source: 'config',
    title: 'a CRD file cannot be loaded',
    hint: 'the message names the file and what is wrong with it; on a cluster the same file would be refused for the same reason',
  },
  SL1002: {
    source: 'environment',
    title: 'the data folder of the API server cannot be used',
    hint: 'is another Sluice running on it, and may this user write there? `--ephemeral` keeps everything in memory',
  },
  SL1003: {
    source: 'config',
    title: 'this is not valid YAML or JSON',
    hint: 'the message names the place; look there, and at the indentation right before it',
  },
  SL2001: {
    source: 'config',
    title: 'this is not valid Envoy configuration',
    hint: 'compare it with the API reference of Envoy 1.40; a field or a type is misspelt or belongs elsewhere',
  },
  SL2002: {
    source: 'config',
    title: 'the node id of a proxy is not type~address~pod.namespace~domain',
    hint: 'give the proxy an id as the agent of Istio does, for example router~10.0.0.1~gw-1.istio-system~istio-system.svc.cluster.local',
  },
  SL3001: {
    source: 'config',
    title: 'a module reference cannot be read',
    hint: 'write oci://registry/repository:tag, oci://registry/repository@sha256:<hex>, http(s)://host/path or file:///path',
  },
  SL3002: {
    source: 'config',
    title: 'unsupported Wasm module downloading URL scheme',
    hint: 'use oci://, http://, https:// or file://',
  },
  SL3003: {
    source: 'upstream',
    title: 'the registry or server cannot be reached',
    hint: 'check the name, the port and the network; an agent tries again by itself',
  },
  SL3004: {
    source: 'config',
    title: 'the registry asks for credentials (401)',
    hint: 'set imagePullSecret to a kubernetes.io/dockerconfigjson secret in the same namespace with an entry for this registry',
  },
  SL3005: {
    source: 'config',
    title: 'the registry refuses access (403)',
    hint: 'check that the credentials may pull this repository',
  },
  SL3006: {
    source: 'config',
    title: 'the module was not found (404)',
    hint: 'check repository, tag and digest; `sluice wasm inspect` shows what a reference resolves to',
  },
  SL3007: {
    source: 'upstream',
    title: 'the registry limits the rate of requests (429)',
    hint: 'it is tried again when the registry allows it; credentials or a mirror raise the limit',
  },
  SL3008: {
    source: 'upstream',
    title: 'the registry or server failed',
    hint: 'it is tried again by itself; see the server’s own log',
  },
  SL3009: {
    source: 'upstream',
    title: 'the registry or server gave an answer that the protocol does not allow',
    hint: 'check that the address is a registry (or a file server) and not something in between',
  },
  SL3010: {
    source: 'upstream',
    title: 'content does not match its digest',
    hint: 'the content was cut short or changed on the way or in the registry; push it again',
  },
  SL3011: {
    source: 'config',
    title: 'the module has another checksum than the resource asks for',
    hint: 'for an image, sha256 is the manifest digest; for http(s) and file it is the sha256 of the unpacked Wasm bytes',
  },
  SL3012: {
    source: 'config',
    title: 'the image is in no known Wasm format',
    hint: 'push it with `sluice wasm push`, docker, buildah, oras or wasm-to-oci; docs list the formats',
  },
  SL3013: {
    source: 'config',
    title: 'a size limit was exceeded',
    hint: 'raise ISTIO_WASM_MAX_BINARY_SIZE_BYTES if the module is really that large',
  },
  SL3014: {
    source: 'config',
    title: 'compressed content grows beyond the ratio limit',
    hint: 'a module that compresses this well is taken for a decompression bomb; push it uncompressed',
  },
  SL3015: {
    source: 'upstream',
    title: 'the fetch ran into its time limit',
    hint: 'it is tried again by itself; use a nearer registry or a mirror if it keeps happening',
  },
  SL3016: {
    source: 'upstream',
    title: 'a redirect was not followed',
    hint: 'use the final address in the reference',
  },
  SL3017: {
    source: 'config',
    title: 'an address is blocked for module fetches',
    hint: 'metadata and link-local addresses are never fetched from; BLOCKED_CIDRS_IN_WASM_FETCH adds more',
  },
  SL3018: {
    source: 'upstream',
    title: 'rejected unsafe bearer realm',
    hint: 'the registry names a token server that must not receive credentials; fix the registry’s auth realm',
  },
  SL3019: {
    source: 'config',
    title: 'missing image pulling secret',
    hint: 'create the secret that imagePullSecret names, type kubernetes.io/dockerconfigjson, in the namespace of the resource',
  },
  SL3020: {
    source: 'config',
    title: 'registry credentials cannot be read',
    hint: 'create them with `kubectl create secret docker-registry`, or check the docker config file',
  },
  SL3021: {
    source: 'config',
    title: 'the fetched content is not a Wasm module',
    hint: 'the content must begin with 00 61 73 6d after unpacking',
  },
  SL3022: {
    source: 'config',
    title: 'a module file cannot be read',
    hint: 'check that the path exists where the proxy runs and is readable',
  },
  SL3023: {
    source: 'environment',
    title: 'the module cache cannot be written',
    hint: 'free disk space or choose another cache folder',
  },
  SL3024: {
    source: 'extension',
    title: 'the module failed its trial start',
    hint: 'the reason names the step; `sluice wasm inspect` shows ABI, imports and exports',
  },
  SL3025: {
    source: 'config',
    title: 'the module is not signed',
    hint: 'sign it with `sluice wasm sign` or cosign; verificationKey or the signature policy named asks for it',
  },
  SL3026: {
    source: 'config',
    title: 'no signature of the module is by whom it must be',
    hint: 'check that verificationKey, or the signature policy named, has the key or identity that signed, and that the tag was not moved',
  },
  SL3027: {
    source: 'config',
    title: 'a signing or verification key cannot be read',
    hint: 'give PEM: SubjectPublicKeyInfo (PUBLIC KEY) of ECDSA P-256/P-384, RSA or Ed25519 to verify, PKCS#8 to sign',
  },
  SL3028: {
    source: 'internal',
    title: 'an extension configuration cannot be converted',
    hint: 'the control plane sent an ECDS resource that is not valid; its NACK carries the reason',
  },
  SL3029: {
    source: 'extension',
    title: 'the proxy rejected the extension',
    hint: 'the reason is the proxy’s own; the module did start in its trial, so compare the proxy’s limits and version',
  },
  SL3030: {
    source: 'config',
    title: 'the supervised proxy cannot be started',
    hint: 'check the program behind -- and that it may be executed',
  },
  SL3031: {
    source: 'config',
    title: 'an identity of a signature policy cannot be read',
    hint: 'give Sigstore’s trusted_root.json as trustedRoot, and RE2 as subjectRegex',
  },
  SL3032: {
    source: 'config',
    title: 'the settings of a registry cannot be used',
    hint: 'the message names file, line and key; docs/reference/module-supply.md says what of containerd’s hosts.toml is read',
  },
  SL3033: {
    source: 'environment',
    title: 'the trial start of the module did not end',
    hint: 'it is tried again by itself; a machine that has no time for it, or a module that compiles for very long, does this',
  },
  SL4001: {
    source: 'extension',
    title: 'the module is not valid WebAssembly',
    hint: 'build it again, and check that the file is the .wasm itself and not an archive of it',
  },
  SL4002: {
    source: 'extension',
    title: 'the module uses a WebAssembly feature that extensions may not use',
    hint: 'build it without the feature that the message names (docs/reference/wasm-host.md lists what is supported)',
  },
  SL4003: {
    source: 'extension',
    title: 'the module does not say which Proxy-Wasm ABI it speaks',
    hint: 'build it with a Proxy-Wasm SDK; it has to export one of proxy_abi_version_0_1_0, _0_2_0, _0_2_1',
  },
  SL4004: {
    source: 'extension',
    title: 'the module imports something that the host does not have',
    hint: 'remove the use of the import that the message names; it belongs to another host or to an unsupported library',
  },
  SL4005: {
    source: 'extension',
    title: 'the module imports a host function with a wrong type',
    hint: 'build it with an SDK for Proxy-Wasm ABI 0.1.0, 0.2.0 or 0.2.1',
  },
  SL4006: {
    source: 'extension',
    title: 'the module exports a callback with a wrong type',
    hint: 'give the callback the parameters of its ABI version; 0.1.0 has no end_of_stream for headers',
  },
  SL4007: {
    source: 'extension',
    title: 'the module has no allocator that the host can use',
    hint: 'export proxy_on_memory_allocate(size) or malloc(size)',
  },
  SL4008: {
    source: 'extension',
    title: 'the module is larger than its limits allow',
    hint: 'make it smaller, or raise the limit that the message names',
  },
  SL4009: {
    source: 'extension',
    title: 'the module failed while it was started',
    hint: 'look at its log lines and at the backtrace; no host function but the log may be called before the start is over',
  },
  SL4010: {
    source: 'extension',
    title: 'the extension refused its VM configuration',
    hint: 'look at its log lines; proxy_on_vm_start returned false',
  },
  SL4011: {
    source: 'config',
    title: 'the extension refused its configuration',
    hint: 'look at its log lines, and check pluginConfig against what the extension expects',
  },
  SL4012: {
    source: 'extension',
    title: 'the extension trapped',
    hint: 'the backtrace names the function; fix it, or set failStrategy so that requests survive it',
  },
  SL4013: {
    source: 'extension',
    title: 'the extension ran longer than it may',
    hint: 'make the callback do less, or raise the limit that the message names',
  },
  SL4014: {
    source: 'extension',
    title: 'the extension overflowed the stack',
    hint: 'look for endless recursion; the backtrace names the function',
  },
  SL4015: {
    source: 'extension',
    title: 'the extension called a host function that is not allowed at this point',
    hint: 'move the call into a callback: while the module starts, or allocates, only logging is allowed',
  },
  SL4016: {
    source: 'extension',
    title: "the extension's allocator failed",
    hint: 'it returned no memory or memory outside of the module: free what is no longer used, or raise the memory limit',
  },
  SL4017: {
    source: 'config',
    title: "the extension's settings are wrong or contradict each other",
    hint: 'correct the field that the message names',
  },
  SL4018: {
    source: 'environment',
    title: 'the module cannot be instantiated',
    hint: 'check the memory of the machine and the limits of the extension',
  },
  SL5001: {
    source: 'config',
    title: 'the proxy does not support this setting',
    hint: 'remove the field that the message names, or use Envoy for this listener or cluster',
  },
  SL5002: {
    source: 'config',
    title: 'the proxy configuration is invalid',
    hint: 'correct the field that the message names',
  },
  SL5003: {
    source: 'environment',
    title: 'the proxy cannot listen on an address',
    hint: 'stop the program that holds the port, or change the listener’s address',
  },
  SL5004: {
    source: 'internal',
    title: 'a proxy worker failed',
    hint: 'it is started again by itself; report the message',
  },
  SL5005: {
    source: 'extension',
    title: 'a Lua script cannot be used',
    hint: 'correct the script at the line that the message names',
  },
  SL5006: {
    source: 'config',
    title: 'a secret of the proxy cannot be used',
    hint: 'correct the file or field that the message names and move the file into place again; what was in force before stays',
  },
  SL6001: {
    source: 'environment',
    title: 'a port is taken',
    hint: 'stop the program that holds it, or choose another with the option that the message names',
  },
  SL6002: {
    source: 'environment',
    title: 'Sluice needs Node 24 and the package that carries it is not installed',
    hint: 'install again without --omit=optional, or run Sluice with a Node 24 of your own',
  },
  SL6003: {
    source: 'config',
    title: 'the kubeconfig cannot be used',
    hint: 'run `sluice up` and then `eval "$(npx sluice env)"`, or set KUBECONFIG to a file of your cluster',
  },
  SL6004: {
    source: 'config',
    title: 'the command line cannot be understood',
    hint: '`sluice help` lists the commands, `sluice help COMMAND` the options of one',
  },
  SL6005: {
    source: 'environment',
    title: 'no running Sluice answers',
    hint: 'start one with `npm start` or `npx sluice up`; SLUICE_HOME must be the same for both',
  },
  SL6006: {
    source: 'environment',
    title: 'another Sluice runs from the same folder',
    hint: 'stop it, or start this one with another SLUICE_HOME and other ports',
  },
  SL6007: {
    source: 'environment',
    title: 'not everything got ready in time',
    hint: '`sluice get pods -A` and `sluice describe pod NAME` tell the cause; the logs are in the folder of the address table',
  },
  SL6008: {
    source: 'config',
    title: 'the file holds something that is not a Kubernetes object',
    hint: 'each document needs apiVersion, kind and metadata.name; the place says which one does not',
  },
  SL6009: {
    source: 'environment',
    title: 'there is no folder for what Sluice keeps',
    hint: 'set SLUICE_HOME to a folder that you may write to, or HOME to the one above `.sluice`',
  },
  SL6010: {
    source: 'environment',
    title: 'a file or folder cannot be used',
    hint: 'check the path, and that you may read it, or write to it',
  },
  SL6101: {
    source: 'config',
    title: 'no program of this machine plays this container image',
    hint: 'Pods are local processes here, and images are not pulled: use one of the images named, with a command of your own',
  },
  SL6102: {
    source: 'config',
    title: 'Pods as local processes cannot do this',
    hint: 'leave it out, or run the Pod on a cluster',
  },
  SL6103: {
    source: 'config',
    title: 'a container needs what is not there',
    hint: 'create the ConfigMap or Secret; the container starts by itself then',
  },
  SL6104: {
    source: 'environment',
    title: 'no loopback address is free for another Pod',
    hint: 'delete Pods, or give a larger podCidr',
  },
  SL6105: {
    source: 'config',
    title: 'the container is not there',
    hint: 'see `kubectl get pods` and `kubectl describe pod` for its state',
  },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof ERRORS

export interface ErrorOptionsWithPlace extends ErrorOptions {
  /** Where: a file with line and column, a resource with a field path, a host, an address. */
  readonly where?: string
}

/** An error for people: a stable code, what was wrong, where, and (from the table) what to do. */
export class SluiceError extends Error {
  override readonly name = 'SluiceError'
  readonly code: ErrorCode
  readonly where: string | undefined

  constructor(code: ErrorCode, detail: string, options: ErrorOptionsWithPlace = {}) {
    super(detail === '' ? ERRORS[code].title : `${ERRORS[code].title}: ${detail}`, options)
    this.code = code
    this.where = options.where
  }

  /** The same error of what stands at `where` in a configuration. */
  at(where: string): SluiceError {
    const detail = this.#detail
    return new SluiceError(this.code, detail === '' ? where : `${where}: ${detail}`, { cause: this.cause, where })
  }

  get #detail(): string {
    return this.message.slice(ERRORS[this.code].title.length).replace(/^: /, '')
  }

  get source(): ErrorSource {
    return ERRORS[this.code].source
  }

  get hint(): string {
    return ERRORS[this.code].hint
  }

  /** One paragraph for a terminal: code, place, message and hint. */
  explain(): string {
    const where = this.where === undefined || tellsPlace(this.#detail, this.where) ? '' : ` (${this.where})`
    return `${this.code}: ${this.message}${where}\n  hint: ${this.hint}`
  }
}

/** As messages tell a place: in front, at the end, or in quotes in between. A short name may stand anywhere by chance. */
function tellsPlace(detail: string, where: string): boolean {
  if (detail === where || detail.startsWith(`${where}:`) || detail.endsWith(` ${where}`)) return true
  return detail.includes(`'${where}'`) || detail.includes(`"${where}"`)
}

/** The message of anything that was thrown, with the messages of its causes. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.cause === undefined || error instanceof SluiceError) return error.message
  return `${error.message}: ${messageOf(error.cause)}`
}
