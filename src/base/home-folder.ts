import { homedir } from 'node:os'

/** The user's; `undefined` for whom the machine does not know, as in a container that is run for a number. */
export function homeFolder(): string | undefined {
  try {
    return homedir() || undefined
  } catch {
    return undefined
  }
}
