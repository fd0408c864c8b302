import type { Command } from './command.ts'

/** The list of commands. */
export async function overview(commands: Record<string, () => Promise<{ command: Command }>>): Promise<string> {
  const rows: string[] = []
  for (const [name, load] of Object.entries(commands)) {
    const { command } = await load()
    rows.push(`  ${name.padEnd(10)} ${command.summary}`)
  }
  return `Sluice runs WebAssembly extensions in the path of traffic.

usage: sluice COMMAND [options]

${rows.join('\n')}

\`sluice help COMMAND\` tells more. \`sluice up\` is the place to begin.`
}

/** The help of one command. */
export function helpOf(name: string, command: Command): string {
  const lines = [command.summary, '', `usage: sluice ${name} ${command.usage}`.trimEnd()]
  if (command.details !== undefined) lines.push('', command.details)
  const options = Object.entries(command.options)
  if (options.length > 0) lines.push('', 'options:')
  for (const [option, { short, type }] of options) {
    const left = `${short === undefined ? '    ' : `-${short}, `}--${option}${type === 'string' ? ' VALUE' : ''}`
    lines.push(`  ${left.padEnd(30)} ${command.optionHelp?.[option] ?? ''}`.trimEnd())
  }
  return lines.join('\n')
}
