import { QueryParameters } from '../../http/query-parameters.ts'
import type { Verdict } from './verdict.ts'

/** The path with the parameters that the server has set and removed. */
export function changedQuery(path: string, verdict: Pick<Verdict, 'setParameters' | 'removeParameters'>): string {
  const parameters = new QueryParameters(path)
  for (const [name, value] of verdict.setParameters) parameters.set(name, targetPart(`${name}=${value}`))
  for (const name of verdict.removeParameters) parameters.remove(name)
  return parameters.toString()
}

/** What would end the target of a request (RFC 9112 3.2) is encoded; all else stands as the server has written it. */
function targetPart(text: string): string {
  return text.replace(/[\0-\x20\x7f]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}
