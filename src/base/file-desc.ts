import type { DescFile } from '@bufbuild/protobuf'
import { type GenFile, fileDesc as hydrate } from '@bufbuild/protobuf/codegenv2'
import { base64Decode } from '@bufbuild/protobuf/wire'
import { LazyFile, passedOn } from './descriptors/file.ts'

/**
 * What the files in `gen/` make their descriptors with (scripts/gen.ts): of each message no more than its name until somebody asks for
 * its fields. protobuf-es makes them all, of 2 KB each, and a thread that serves one listener needs one in ten.
 */
export function fileDesc(base64: string, imports: readonly DescFile[] = []): GenFile {
  const lazy = LazyFile.read(base64Decode(base64), imports)
  if (lazy !== undefined) return lazy
  const made = hydrate(base64, imports.map(near))
  made.dependencies.splice(0, imports.length, ...imports)
  return made
}

/**
 * A file without imports but those that it passes on, as more cannot be named by who imports it. protobuf-es registers everything that a
 * file imports, on each way that leads there, and Envoy's files import one another on thousands.
 */
function near(file: DescFile): DescFile {
  // Of the rest of `proto` the registry has no need, and a file makes it anew each time.
  const proto = { name: `${file.name}.proto` }
  return Object.create(file, { dependencies: { value: passedOn(file) }, proto: { value: proto } }) as DescFile
}
