import { type Command, UsageError } from '../command.ts'
import { bundle } from '../wasm/bundle.ts'
import { copy } from '../wasm/copy.ts'
import { inspect } from '../wasm/inspect.ts'
import { pull } from '../wasm/pull.ts'
import { push } from '../wasm/push.ts'
import { sign } from '../wasm/sign.ts'
import { verify } from '../wasm/verify.ts'

const SUBCOMMANDS: Readonly<Record<string, Command>> = { push, pull, inspect, sign, verify, copy, bundle }

const list = Object.entries(SUBCOMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
  .join('\n')

export const command: Command = {
  summary: 'push, pull, inspect, sign, verify, copy and bundle modules',
  usage: 'push|pull|inspect|sign|verify|copy|bundle …',
  details: `${list}\n\n\`sluice wasm SUBCOMMAND --help\` tells more.`,
  options: {},
  subcommands: SUBCOMMANDS,
  async run() {
    throw new UsageError(`say which of ${Object.keys(SUBCOMMANDS).join(', ')}`)
  },
}
