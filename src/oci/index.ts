/** OCI: registry client, images that hold modules, signatures, and the embedded registry. */
export { writeAtomic } from './atomic-file.ts'
export { type FetchedManifest, RegistryClient, type RegistryOptions, type Transfer } from './client.ts'
export { loadBundle, saveBundle } from './commands/bundle.ts'
export { type CopyOptions, copyImage } from './commands/copy.ts'
export type { AccessOptions } from './commands/open.ts'
export { pullModule } from './commands/pull.ts'
export { signReference, verifyReference } from './commands/sign.ts'
export {
  anonymous,
  type Credential,
  type CredentialSource,
  defaultKeychain,
  fromDockerConfigJson,
} from './credentials.ts'
export { sha256Digest, sha256Hex } from './digest.ts'
export { readAuthority } from './hosts/certificates.ts'
export { hostsFrom } from './hosts/hosts-dir.ts'
export { bodyError, type HttpResponse, HttpTransport, type HttpTransportOptions, safeUrl } from './http-transport.ts'
export type { Descriptor, Manifest } from './manifest.ts'
export { MediaType } from './media-types.ts'
export type { MirrorRule } from './mirror.ts'
export { type PushedImage, type PushOptions, pushWasmImage } from './push.ts'
export { readAll } from './read-all.ts'
export { parseReference, type Reference, repositoryOf } from './reference.ts'
export { type RegistryAuth, type RegistryServer, type RegistryServerOptions, startRegistry } from './registry/index.ts'
export { type Deadline, deadline, type RetryOptions, retrying } from './retry.ts'
export { type SignatureForm, type SignOptions, signImage } from './signature/sign.ts'
export { keyOnly, verifyDetached, verifyImage } from './signature/verify.ts'
export { SupplyError, statusError } from './supply-error.ts'
export { looksLikeTar } from './tar.ts'
export { type Compression, DEFAULT_LIMITS, extractFromTar, type UnpackLimits, unpacked, writeStream } from './unpack.ts'
export { fetchModule, type ImageFormat, type ResolvedImage, resolveImage } from './wasm-image.ts'
