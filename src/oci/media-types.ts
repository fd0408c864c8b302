/** The media types of images that can hold a module, and of what stands around them. */
export const MediaType = {
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  /** solo.io's artifact, which Istio's agent calls "oci variant". */
  soloConfig: 'application/vnd.module.wasm.config.v1+json',
  soloContent: 'application/vnd.module.wasm.content.layer.v1+wasm',
  /** engineerd/wasm-to-oci. */
  wasmToOciConfig: 'application/vnd.wasm.config.v1+json',
  wasmToOciContent: 'application/vnd.wasm.content.layer.v1+wasm',
  /** CNCF TAG Runtime, "Wasm OCI artifact layout". */
  cncfConfig: 'application/vnd.wasm.config.v0+json',
  cncfContent: 'application/wasm',
  cosignPayload: 'application/vnd.dev.cosign.simplesigning.v1+json',
  cosignArtifact: 'application/vnd.dev.cosign.artifact.sig.v1+json',
  sigstoreBundle: 'application/vnd.dev.sigstore.bundle.v0.3+json',
} as const

/** What stands for images of several platforms. */
export const INDEX_TYPES: readonly string[] = [MediaType.ociIndex, MediaType.dockerList]

/** What a client says it takes when it asks for a manifest. */
export const MANIFEST_ACCEPT = [
  MediaType.ociManifest,
  MediaType.dockerManifest,
  MediaType.ociIndex,
  MediaType.dockerList,
].join(', ')
