import type { parse } from '@bufbuild/cel'

type Expr = ReturnType<typeof parse>['expr']

/** Names that every rule may use beside the variables of its loops. */
const GLOBALS = new Set(
  'self oldSelf bool bytes double duration int list map null_type string timestamp type uint dyn'.split(' '),
)
/** Operators that the planner handles itself, beside those that are functions. */
const BUILT_IN = new Set(['_?_:_', '_&&_', '_||_', '@not_strictly_false', '_[_]', '!_'])

/**
 * Refuses what would only fail when the rule runs, as the type checker of upstream does at the creation of a CRD. Types are not
 * checked.
 */
export function checkNames(
  expr: Expr,
  isFunction: (name: string) => boolean,
  known: ReadonlySet<string> = GLOBALS,
): void {
  const { exprKind } = expr
  const inner = (one: Expr | undefined, names = known) => {
    if (one !== undefined) checkNames(one, isFunction, names)
  }
  switch (exprKind.case) {
    case 'identExpr':
      if (!known.has(exprKind.value.name)) throw new Error(`undeclared reference to '${exprKind.value.name}'`)
      return
    case 'callExpr': {
      const { target, function: name, args } = exprKind.value
      const qualified = target?.exprKind.case === 'identExpr' ? `${target.exprKind.value.name}.${name}` : undefined
      const isQualified = qualified !== undefined && isFunction(qualified)
      if (!isQualified && !isFunction(name) && !BUILT_IN.has(name)) throw new Error(`undeclared reference to '${name}'`)
      if (!isQualified) inner(target)
      for (const arg of args) inner(arg)
      return
    }
    case 'comprehensionExpr': {
      const { iterVar, accuVar, iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value
      inner(iterRange)
      inner(accuInit)
      const names = new Set([...known, iterVar, accuVar])
      inner(loopCondition, names)
      inner(loopStep, names)
      inner(result, names)
      return
    }
    default:
      for (const part of partsOf(expr)) inner(part)
  }
}

/** Puts `charge(range)` around what every loop runs over, so that loops within loops are paid for. */
export function meterLoops(expr: Expr, charge: string): void {
  for (const part of partsOf(expr)) meterLoops(part, charge)
  if (expr.exprKind.case !== 'comprehensionExpr') return
  const loop = expr.exprKind.value
  const range = loop.iterRange!
  loop.iterRange = {
    ...range,
    exprKind: { case: 'callExpr', value: { $typeName: 'cel.expr.Expr.Call', function: charge, args: [range] } },
  }
}

function partsOf({ exprKind }: Expr): Expr[] {
  const parts: (Expr | undefined)[] = []
  switch (exprKind.case) {
    case 'selectExpr':
      parts.push(exprKind.value.operand)
      break
    case 'callExpr':
      parts.push(exprKind.value.target, ...exprKind.value.args)
      break
    case 'listExpr':
      parts.push(...exprKind.value.elements)
      break
    case 'structExpr':
      for (const { keyKind, value } of exprKind.value.entries) {
        parts.push(keyKind.case === 'mapKey' ? keyKind.value : undefined, value)
      }
      break
    case 'comprehensionExpr': {
      const { iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value
      parts.push(iterRange, accuInit, loopCondition, loopStep, result)
      break
    }
  }
  return parts.filter((part) => part !== undefined)
}
