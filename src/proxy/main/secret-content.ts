/** The files that a secret names: read here, once for all workers, so that each has the same. */
import { dirname } from 'node:path'
import { clone } from '@bufbuild/protobuf'
import type { DataSource } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { type Secret, SecretSchema } from '../../../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { readBytes } from '../config/read-bytes.ts'
import { SECRET_FIELDS } from '../tls/secret-need.ts'

/** How often files are read that change while they are read, as Envoy does (SdsApi::onWatchUpdate). */
const ATTEMPTS = 6

/** The secret with what its files hold in the place of their names. Throws when one cannot be read; `path` is where it stands. */
export function secretContent(delivered: Secret, path: string): Secret {
  const secret = clone(SecretSchema, delivered)
  // Whoever compiles a secret refuses this field, because nobody would watch.
  if (hasWatchedDirectory(secret.type)) secret.type.value.watchedDirectory = undefined
  const files = fileSources(secret, path)
  const contents = readTogether(files)
  files.forEach(([source], i) => {
    source.specifier = { case: 'inlineBytes', value: contents[i] }
  })
  return secret
}

/** Where files are moved to when they change: `watched_directory`, or the directories that the files are in. */
export function watchedDirectories(secret: Secret, path: string): string[] {
  const files = fileSources(secret, path)
  if (files.length === 0) return []
  const { watchedDirectory } = hasWatchedDirectory(secret.type) ? secret.type.value : {}
  if (watchedDirectory !== undefined) return [watchedDirectory.path]
  return [...new Set(files.map(([source]) => dirname(filename(source))))]
}

type Watched = Extract<Secret['type'], { readonly case: 'tlsCertificate' | 'validationContext' }>

function hasWatchedDirectory(type: Secret['type']): type is Watched {
  return type.case === 'tlsCertificate' || type.case === 'validationContext'
}

type Named = readonly [DataSource, string]

/** Those of one state: between a certificate and its key there may be a change of both. */
function readTogether(files: readonly Named[]): Uint8Array<ArrayBuffer>[] {
  let before = files.map(read)
  for (let attempt = 1; attempt < ATTEMPTS; attempt++) {
    const again = files.map(read)
    if (again.every((bytes, i) => bytes.equals(before[i]))) break
    before = again
  }
  return before.map((bytes) => new Uint8Array(bytes))
}

function read([source, path]: Named): Buffer {
  return readBytes(filename(source), `${path}.filename`)
}

function filename({ specifier }: DataSource): string {
  return specifier.case === 'filename' ? specifier.value : ''
}

function fileSources({ type }: Secret, path: string): Named[] {
  const found: Named[] = []
  const add = (source: DataSource | undefined, field: string) => {
    if (source?.specifier.case === 'filename') found.push([source, `${path}.${field}`])
  }
  switch (type.case) {
    case 'tlsCertificate':
      add(type.value.certificateChain, `${SECRET_FIELDS[type.case]}.certificate_chain`)
      add(type.value.privateKey, `${SECRET_FIELDS[type.case]}.private_key`)
      break
    case 'validationContext':
      add(type.value.trustedCa, `${SECRET_FIELDS[type.case]}.trusted_ca`)
      add(type.value.crl, `${SECRET_FIELDS[type.case]}.crl`)
      break
    case 'sessionTicketKeys':
      for (const [i, key] of type.value.keys.entries()) add(key, `${SECRET_FIELDS[type.case]}.keys[${i}]`)
  }
  return found
}
