import { type CelInput, celEnv, isCelError, parse, plan } from '@bufbuild/cel'
import { compileRe2 } from '../../base/re2.ts'
import { checkNames } from '../../resources/schema/cel/expression.ts'
import { toCel } from './cel-value.ts'
import type { AttributeValue } from './value.ts'

/** The tree of a CEL expression; `google.api.expr.v1alpha1.Expr` has the same shape. */
export type CelExpr = ReturnType<typeof parse>['expr']

/** Gives what a variable of an expression stands for, each time that the expression runs. */
type Variables = (name: string) => AttributeValue | undefined

// Linear in time on any pattern, which may come from a module.
const environment = celEnv({ re2: { compile: compileRe2 } })

/**
 * Compiles CEL text, or a tree that was parsed elsewhere. What it gives evaluates it, and throws what goes wrong then. Refused, as
 * by Envoy, are texts that do not parse, functions that there are not, patterns that are none, and loops: they are the one way to
 * make a short text run for ever.
 */
export function compileExpression(source: string | CelExpr, variables: Variables): () => unknown {
  const expr = typeof source === 'string' ? parse(source).expr : source
  const roots = new Set<string>()
  check(expr, roots)
  checkNames(expr, (name) => environment.funcs.find(name) !== undefined, roots)
  const evaluate = plan(environment, expr)
  const bound: Record<string, CelInput> = Object.create(null)
  for (const root of roots) {
    const get = () => {
      const value = variables(root)
      return value === undefined ? undefined : toCel(value)
    }
    Object.defineProperty(bound, root, { get })
  }
  return () => {
    const value = evaluate(bound)
    if (isCelError(value)) throw value
    return value
  }
}

/** Gathers the variables that an expression names. */
function check(node: unknown, roots: Set<string>): void {
  if (node === null || typeof node !== 'object' || node instanceof Uint8Array) return
  const { case: kind, value } = node as { case?: string; value?: Record<string, unknown> }
  if (kind === 'comprehensionExpr') throw new Error('comprehensions (all, exists, map, filter) are not supported')
  if ('exprKind' in node && (node as CelExpr).exprKind.case === undefined) throw new Error('an expression is empty')
  if (kind === 'identExpr') roots.add(String(value?.['name']))
  else if (kind === 'callExpr') checkCall(value as unknown as Call)
  // The older message of the two has no optional elements.
  else if (kind === 'listExpr') (value as Record<string, unknown>)['optionalIndices'] ??= []
  for (const [key, child] of Object.entries(node)) if (!key.startsWith('$')) check(child, roots)
}

type Call = Extract<NonNullable<CelExpr>['exprKind'], { case: 'callExpr' }>['value']

/** Operators that a tree gives the wrong number of operands, and patterns that are none, would only fail when they are asked for. */
function checkCall({ function: name, args }: Call): void {
  if (!/[a-z]/.test(name)) {
    const operands = name.split('_').length - 1
    if (args.length !== operands) throw new Error(`'${name}' takes ${operands} operands, not ${args.length}`)
  }
  if (name !== 'matches') return
  const kind = args.at(-1)?.exprKind
  if (kind?.case === 'constExpr' && kind.value.constantKind.case === 'stringValue')
    compileRe2(kind.value.constantKind.value)
}
