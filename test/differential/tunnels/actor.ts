/** Does what a script says on one end of a tunnel, and tells what came of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ear } from './ear.ts'
import type { Script, Step } from './trial.ts'

const REST_MS = 60

export type Head = Extract<Step, { head: unknown }>

/** One end: a connection, or a stream of one. */
export interface End {
  readonly ear: Ear
  begin(head: Head): void
  say(bytes: Buffer): void
  end(): void
  reset(): void
  deaf(): void
  listen(): void
  /** Nothing of it stays. */
  destroy(): void
}

/** What an end told: by fact. */
export type Told = readonly (readonly [fact: string, value: string])[]

export async function act(end: End, script: Script, letters: string): Promise<Told> {
  const { ear } = end
  let said = 0
  for (const step of script) {
    if (ear.closed) break
    if (step === 'end') end.end()
    else if (step === 'reset') end.reset()
    else if (step === 'deaf') end.deaf()
    else if (step === 'listen') end.listen()
    else if (step === 'rest') await sleep(REST_MS)
    else if (step === 'met') await ear.until(() => ear.head !== undefined)
    else if (step === 'heed') await ear.until(() => ear.ended)
    else if ('head' in step) end.begin(step)
    else if ('say' in step) end.say(Buffer.alloc(step.say, letters[said++ % letters.length]))
    else await ear.until(() => ear.length >= step.hear)
  }
  await ear.until(() => false)
  // Behind the other side's end it is left to chance whether its reset is seen, or what it no longer took.
  const outcome = ear.ended ? 'their end' : ear.closed ? ear.failed || 'closed' : 'open'
  end.destroy()
  const heads = [...Map.groupBy(ear.head ?? [], (line) => line.slice(0, line.indexOf(': ', 1)))]
  return [
    ...heads.map(([name, lines]) => [`head.${name}`, lines.join(' | ').replaceAll(`${name}: `, '')] as const),
    ['heard', ear.text],
    ['outcome', outcome],
  ]
}
