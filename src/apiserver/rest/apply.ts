import type { ApiObject } from '../object.ts'
import { ApiError } from '../status.ts'
import type { Entry } from '../store/entry.ts'
import type { Api } from './context.ts'
import type { Write } from './write.ts'

export function applyObject(
  _api: Api,
  _write: Write,
  _entry: Entry | undefined,
  _name: string,
  _body: ApiObject,
): ApiObject {
  throw new ApiError(415, 'UnsupportedMediaType', 'server-side apply is not there yet')
}
