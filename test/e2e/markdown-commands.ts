/** A command of a page and what the page says it prints; undefined where the page shows no output. */
export interface PageCommand {
  readonly line: number
  readonly command: string
  readonly prints: string | undefined
}

/** Reads the ```bash blocks of a Markdown page, each with the ```text block that follows it. */
export function pageCommands(markdown: string): PageCommand[] {
  const commands: PageCommand[] = []
  const fence = /^```(\w*)\n([\s\S]*?)^```$/gm
  for (const match of markdown.matchAll(fence)) {
    const [, language, body] = match
    const last = commands.at(-1)
    if (language === 'bash') {
      const line = markdown.slice(0, match.index).split('\n').length + 1
      commands.push({ line, command: body.trimEnd(), prints: undefined })
    } else if (language === 'text' && last !== undefined && last.prints === undefined) {
      commands[commands.length - 1] = { ...last, prints: body.trimEnd() }
    }
  }
  return commands
}
