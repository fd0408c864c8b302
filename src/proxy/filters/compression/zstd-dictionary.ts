import { createZstdDecompress } from 'node:zlib'
import type { DataSource } from '../../../../gen/envoy/config/core/v3/base_pb.ts'
import { messageOf } from '../../../errors.ts'
import { dataSource } from '../../config/data-source.ts'
import { invalid } from '../../config/fields.ts'

/** RFC 8878 5: what a dictionary begins with, before its id. */
const MAGIC = 0xec30a437

/** The option for a codec, if there is a dictionary; one without an id is none that a decoder could find (Envoy aborts at it). */
export function zstdDictionary(source: DataSource | undefined, path: string): { dictionary?: Buffer } {
  if (source === undefined) return {}
  const dictionary = dataSource(source, path)
  if (dictionary.length < 8 || dictionary.readUInt32LE() !== MAGIC || dictionary.readUInt32LE(4) === 0) {
    throw invalid(path, 'must be a dictionary as zstd --train makes one, with an id')
  }
  try {
    // The encoder would tell only when it is used.
    createZstdDecompress({ dictionary }).destroy()
  } catch (error) {
    throw invalid(path, messageOf(error))
  }
  return { dictionary }
}
