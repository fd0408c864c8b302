import { type Command, parseCommandLine, UsageError } from '../command.ts'
import { helpOf } from '../help.ts'
import { inspect } from '../wasm/inspect.ts'
import { pull } from '../wasm/pull.ts'
import { push } from '../wasm/push.ts'

const SUBCOMMANDS: Readonly<Record<string, Command>> = { push, pull, inspect }

const list = Object.entries(SUBCOMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
  .join('\n')

export const command: Command = {
  summary: 'push, pull and inspect modules',
  usage: 'push|pull|inspect …',
  details: `${list}\n\n\`sluice wasm SUBCOMMAND --help\` tells more.`,
  options: {},
  async run({ positionals: [name, ...rest] }) {
    const subcommand = name === undefined ? undefined : SUBCOMMANDS[name]
    if (subcommand === undefined) throw new UsageError('say which of push, pull and inspect')
    if (rest.includes('--help')) {
      console.log(helpOf(`wasm ${name}`, subcommand))
      return 0
    }
    return subcommand.run(parseCommandLine(subcommand, rest))
  },
}
