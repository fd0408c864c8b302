/** OCI: registry client, images that hold modules, signatures, and the embedded registry. */
export { type RegistryAuth, type RegistryServer, type RegistryServerOptions, startRegistry } from './registry/index.ts'
