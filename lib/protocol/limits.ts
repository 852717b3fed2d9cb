/** How a folder states its limits: each has a default, a unit, bounds and a reason, once. */
import { OptionError } from "./errors.ts";

export type Limit = {
  readonly value: number;
  readonly unit: string;
  readonly min: number;
  readonly max: number;
  readonly why: string;
};

/** One row of a table of limits. */
export function limit(value: number, unit: string, min: number, max: number, why: string): Limit {
  return { value, unit, min, max, why };
}

export type LimitValues<Table> = { readonly [Name in keyof Table]: number };

/**
 * The defaults of `table` with `overrides` in place of some.
 * @throws {OptionError} an override is no number of its range, or names no limit
 */
export function resolveLimits<const Table extends Record<string, Limit>>(
  table: Table,
  overrides: Readonly<Record<string, number | undefined>> = {},
): LimitValues<Table> {
  const values: Record<string, number> = {};
  for (const [name, limit] of Object.entries(table)) values[name] = limit.value;
  for (const [name, value] of Object.entries(overrides)) {
    if (value === undefined) continue;
    const limit = Object.hasOwn(table, name) ? table[name] : undefined;
    if (limit === undefined) {
      throw new OptionError(
        `Cannot set limit "${name}" as there is none of that name: known are ${Object.keys(table).join(", ")}`,
      );
    }
    if (!Number.isFinite(value) || value < limit.min || value > limit.max) {
      throw new OptionError(
        `Cannot set limit "${name}" as it must be ${limit.min} to ${limit.max} ${limit.unit}: got ${value}, leave it out for ${limit.value}`,
      );
    }
    values[name] = value;
  }
  return values as LimitValues<Table>;
}
