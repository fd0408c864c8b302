/**
 * Paths of object keys that occur twice in a JSON text. JSON.parse keeps the last one silently; fieldValidation has to tell.
 * The text is known to be valid JSON, so this only has to find its way: strings, brackets, commas.
 */
export function duplicateKeys(text: string): string[] {
  const found: string[] = []
  let at = 0

  function space(): void {
    while (at < text.length && text.charCodeAt(at) <= 0x20) at++
  }

  function string(): string {
    const start = at++
    while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
    at++
    const raw = text.slice(start, at)
    return raw.includes('\\') ? JSON.parse(raw) : raw.slice(1, -1)
  }

  function value(path: string): void {
    space()
    if (text[at] === '{') object(path)
    else if (text[at] === '[') array(path)
    else if (text[at] === '"') string()
    else while (at < text.length && !',]}'.includes(text[at])) at++
  }

  function object(path: string): void {
    const keys = new Set<string>()
    at++
    for (;;) {
      space()
      if (text[at] === '}' || at >= text.length) break
      const key = string()
      const here = path === '' ? key : `${path}.${key}`
      if (keys.has(key)) found.push(here)
      keys.add(key)
      space()
      at++
      value(here)
      space()
      if (text[at] === ',') at++
    }
    at++
  }

  function array(path: string): void {
    at++
    for (let i = 0; ; i++) {
      space()
      if (text[at] === ']' || at >= text.length) break
      value(`${path}[${i}]`)
      space()
      if (text[at] === ',') at++
    }
    at++
  }

  value('')
  return [...new Set(found)]
}
