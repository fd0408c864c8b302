import { readFileSync } from 'node:fs'
import { messageOf, SluiceError } from '../../errors.ts'

/** The PEM text of a key file. */
export function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new SluiceError('SL3027', messageOf(cause), { where: file, cause })
  }
}
