import { keyOnly, SupplyError, sha256Hex } from '../../oci/index.ts'
import type { SignatureRequirement, Signers } from '../../xds/index.ts'
import { type ModuleUrl, parseModuleUrl } from '../module-url.ts'
import type { PullPolicy } from '../pull-policy.ts'

/** A module as an extension config asks for it. */
export interface ModuleRequest {
  /** `oci://`, `http(s)://` or `file://`; without scheme it is an image. */
  readonly url: string
  /** Hex: manifest digest of an image, else of the unpacked bytes. Empty or `nil` is none. */
  readonly sha256?: string
  /** Of the ECDS resource. */
  readonly resourceName: string
  readonly resourceVersion?: string
  readonly pullPolicy?: PullPolicy | undefined
  /** `.dockerconfigjson`; undefined means the machine's own credentials. */
  readonly pullSecret?: string | undefined
  /** PEM: a signature by this key is required. */
  readonly verificationKey?: string | undefined
  /** What signature policies ask for beside it. */
  readonly signatures?: readonly SignatureRequirement[]
  /** Of everything together; 5 s unless told, as in Istio. */
  readonly timeoutMs?: number
}

/** A signature that is required. */
export interface Required {
  readonly signers: Signers
  /** Names the signers, whoever asks for them. */
  readonly fingerprint: string
  /** The policy that asks; undefined for the key of the extension itself. */
  readonly policy: string | undefined
  readonly warn: boolean
}

/** What a request comes down to, before anything is fetched. */
export interface Asked {
  readonly request: ModuleRequest
  readonly url: ModuleUrl
  /** Hex that the result must have. */
  readonly expected: string | undefined
  /** Fingerprint of the pull secret; '' is none. */
  readonly secret: string
  readonly required: readonly Required[]
}

/** Reads a request; throws when its parts contradict each other. */
export function readRequest(request: ModuleRequest): Asked {
  const url = parseModuleUrl(request.url)
  const { pullSecret } = request
  return {
    request,
    url,
    expected: expectedChecksum(request, url),
    secret: url.scheme === 'oci' && pullSecret !== undefined ? sha256Hex(pullSecret) : '',
    required: requiredBy(request),
  }
}

function requiredBy({ verificationKey, signatures = [] }: ModuleRequest): Required[] {
  const own: Required[] =
    verificationKey === undefined
      ? []
      : [
          {
            signers: keyOnly(verificationKey),
            fingerprint: sha256Hex(verificationKey.trim()),
            policy: undefined,
            warn: false,
          },
        ]
  return [
    ...own,
    ...signatures.map((one) => ({
      signers: one,
      fingerprint: fingerprintOf(one),
      policy: one.policy,
      warn: one.warn,
    })),
  ]
}

/** The same for the same signers, whatever policy names them. */
export function fingerprintOf({ keys, keyless }: Signers): string {
  return sha256Hex(JSON.stringify([keys, keyless]))
}

/** Hex of the digest that a reference is pinned to. */
export function pinned(url: ModuleUrl): string | undefined {
  const digest = url.scheme === 'oci' ? url.reference.digest : undefined
  return digest === undefined ? undefined : hexOf(digest)
}

/** A digest without the name of its algorithm. */
export function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1)
}

function expectedChecksum({ sha256 = '' }: ModuleRequest, url: ModuleUrl): string | undefined {
  // Istio's agent takes the literal `nil` for none.
  const given = sha256 === 'nil' ? '' : sha256.toLowerCase().replace(/^sha256:/, '')
  const digest = pinned(url)
  if (given === '') return digest
  if (!/^[a-f0-9]{64}$/.test(given)) throw new SupplyError('SL3011', `sha256 «${sha256}» is not 64 hex digits`)
  if (digest !== undefined && digest !== given) {
    throw new SupplyError('SL3011', `${url.label} is pinned to another digest than sha256: ${given}`)
  }
  return given
}

/** The error for a module that is not the one that was asked for. */
export function mismatch({ url, expected }: Asked, actual: string): SupplyError {
  return new SupplyError(
    'SL3011',
    `module downloaded from ${url.label} has checksum ${actual}, which does not match: ${expected}`,
  )
}
