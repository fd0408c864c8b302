import { messageOf, SluiceError } from '../errors.ts'
import { KubeApiError } from '../kube/api-error.ts'
import { type Command, parseCommandLine, UsageError } from './command.ts'
import { helpOf, overview } from './help.ts'

/** Each command is loaded when it is asked for, so that `sluice env` does not pay for the proxy. */
export const COMMANDS: Record<string, () => Promise<{ command: Command }>> = {
  up: () => import('./commands/up.ts'),
  env: () => import('./commands/env.ts'),
  get: () => import('./commands/get.ts'),
  describe: () => import('./commands/describe.ts'),
  apply: () => import('./commands/apply.ts'),
  delete: () => import('./commands/delete.ts'),
  wasm: () => import('./commands/wasm.ts'),
  agent: () => import('./commands/agent.ts'),
  proxy: () => import('./commands/proxy.ts'),
  version: () => import('./commands/version.ts'),
}

/** Runs one command line; resolves with the exit code. */
export async function main(argv: string[]): Promise<number> {
  const [name = 'help', ...rest] = argv
  if (name === 'help' || name === '--help' || name === '-h') {
    const asked = rest[0] === undefined ? undefined : COMMANDS[rest[0]]
    console.log(asked === undefined ? await overview(COMMANDS) : helpOf(rest[0], (await asked()).command))
    return 0
  }
  const load = COMMANDS[name === '--version' ? 'version' : name]
  if (load === undefined) {
    console.error(`SL6004: there is no command «${name}»\n  hint: \`sluice help\` lists them`)
    return 2
  }
  const { command } = await load()
  const inner = rest[0] === undefined ? undefined : command.subcommands?.[rest[0]]
  return inner === undefined
    ? await runCommand(name, command, rest)
    : await runCommand(`${name} ${rest[0]}`, inner, rest.slice(1))
}

async function runCommand(name: string, command: Command, rest: string[]): Promise<number> {
  if (rest.includes('--help') || (rest.includes('-h') && !('h' in command.options))) {
    console.log(helpOf(name, command))
    return 0
  }
  try {
    return (await command.run(parseCommandLine(command, rest))) ?? 0
  } catch (error) {
    return report(name, command, error)
  }
}

function report(name: string, command: Command, error: unknown): number {
  if (error instanceof UsageError) {
    console.error(`SL6004: ${error.message}\n  usage: sluice ${name} ${command.usage}`)
    return 2
  }
  if (error instanceof SluiceError) console.error(error.explain())
  else if (error instanceof KubeApiError) console.error(`Error from server (${error.status.reason}): ${error.message}`)
  else if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') {
    const refused = new SluiceError('SL6005', messageOf(error))
    console.error(refused.explain())
  } else throw error
  return 1
}

// A reader that has seen enough (`sluice get … | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

process.exitCode = await main(process.argv.slice(2))
