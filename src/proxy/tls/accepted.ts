import { messageOf } from '../../errors.ts'
import { invalid } from '../config/fields.ts'

/** Does what OpenSSL may refuse, and says of which field. */
export function accepted<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw invalid(path, messageOf(error))
  }
}
