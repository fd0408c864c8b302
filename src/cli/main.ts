import { type ErrorCode, messageOf, SluiceError } from '../errors.ts'
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
  if (name === 'help' || name === '--help' || name === '-h') return await help(rest)
  const command = await commandOf(name === '--version' ? 'version' : name)
  if (command === undefined) return 2
  const inner = rest[0] === undefined ? undefined : command.subcommands?.[rest[0]]
  return inner === undefined
    ? await runCommand(name, command, rest)
    : await runCommand(`${name} ${rest[0]}`, inner, rest.slice(1))
}

async function help([name, subcommand = '']: string[]): Promise<number> {
  if (name === undefined) {
    console.log(await overview(COMMANDS))
    return 0
  }
  const command = await commandOf(name)
  if (command === undefined) return 2
  const inner = command.subcommands?.[subcommand]
  console.log(inner === undefined ? helpOf(name, command) : helpOf(`${name} ${subcommand}`, inner))
  return 0
}

/** The command of that name; one that is not there is told. */
async function commandOf(name: string): Promise<Command | undefined> {
  if (Object.hasOwn(COMMANDS, name)) return (await COMMANDS[name]?.())?.command
  console.error(`SL6004: there is no command «${name}»\n  hint: \`sluice help\` lists them`)
  return undefined
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
  else {
    const code = ofTheMachine(error as NodeJS.ErrnoException)
    if (code === undefined) throw error
    console.error(new SluiceError(code, messageOf(error)).explain())
  }
  return 1
}

/** What the user can mend of what the system says; all else is a defect, and its stack is of use. */
function ofTheMachine({ code, path }: NodeJS.ErrnoException): ErrorCode | undefined {
  if (code === 'ECONNREFUSED') return 'SL6005'
  // A folder that is read as a file fails without its path.
  return path !== undefined || code === 'EISDIR' ? 'SL6010' : undefined
}

// A reader that has seen enough (`sluice get … | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

process.exitCode = await main(process.argv.slice(2))
