import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'

/** What a command was called with. */
export interface Call {
  // biome-ignore lint/suspicious/noExplicitAny: the type of each value is told by the command's own option table
  readonly values: Record<string, any>
  readonly positionals: string[]
}

/** One command: a file in `commands/` that exports it as `command`. */
export interface Command {
  /** One line for the overview. */
  readonly summary: string
  /** What follows the command's name. */
  readonly usage: string
  /** Paragraphs for `--help`, after the usage. */
  readonly details?: string
  readonly options: ParseArgsOptionsConfig
  /** `false` where only options are taken, so that `apply -f a.yaml b.yaml` does not leave one out in silence. */
  readonly positionals?: false
  /** One line per option, without dashes. */
  readonly optionHelp?: Record<string, string>
  /** By name; each has options of its own, so the command line is theirs from the second word on. */
  readonly subcommands?: Readonly<Record<string, Command>>
  run(call: Call): Promise<number | undefined>
}

/** The command line does not fit the command: exit code 2 and the usage. */
export class UsageError extends Error {}

/** Parses strictly: what the command does not know is an error. What follows `--` are positionals. */
export function parseCommandLine(command: Command, argv: string[]): Call {
  try {
    const { options, positionals: allowPositionals = true } = command
    return parseArgs({ args: argv, options, allowPositionals, strict: true })
  } catch (error) {
    // Node's advice on positional arguments is beside the point, and wrong where there are none.
    throw new UsageError((error as Error).message.replace(/\. (To specify a positional|This command does not) .*/s, ''))
  }
}

/** Parses a port number; 0 lets the system choose. */
export function port(text: string, option: string): number {
  const number = Number(text)
  if (Number.isInteger(number) && number >= 0 && number <= 65535) return number
  throw new UsageError(`--${option} takes a port from 0 to 65535, not «${text}»`)
}
