import type { DescFile } from '@bufbuild/protobuf'
import { type GenFile, fileDesc as hydrate } from '@bufbuild/protobuf/codegenv2'

/**
 * What the files in `gen/` make their descriptors with (scripts/gen.ts). protobuf-es registers everything that a file imports, on each
 * way that leads there, and Envoy's files import one another on thousands: that was a third of the time of a proxy's start. A file can
 * name only what it imports itself, or what an import passes on (`import public`).
 */
export function fileDesc(base64: string, imports: readonly DescFile[] = []): GenFile {
  const near = imports.map((file) => ({
    ...file,
    dependencies: file.proto.publicDependency.map((index) => file.dependencies[index]),
  }))
  const made = hydrate(base64, near)
  made.dependencies.splice(0, near.length, ...imports)
  return made
}
