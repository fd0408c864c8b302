import { readFileSync } from 'node:fs'
import { messageOf } from '../../errors.ts'
import { invalid } from './fields.ts'

/** The content of a file that the configuration names; `where` is the field. */
export function readBytes(file: string, where = file): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw invalid(where, messageOf(error))
  }
}
