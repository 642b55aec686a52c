// Numbers as in a spreadsheet: there are no infinities, and an error spreads to all that depends on it.
const NUMBER = 1, DIVISION = 2;
const ERRORS = ["", "#NUM!", "#DIV/0!"];

class CellError {
  constructor(code) { this.code = code; }
}

function finite(value) {
  if (Number.isFinite(value)) return value;
  throw new CellError(NUMBER);
}

function divide(upper, lower) {
  if (lower === 0) throw new CellError(DIVISION);
  return upper / lower;
}

// A table's entry, counted from 1.
function at(table, number) {
  const entry = table[Math.trunc(number) - 1];
  if (entry === undefined) throw new CellError(NUMBER);
  return entry;
}

function mod(value, by) {
  if (by === 0) throw new CellError(DIVISION);
  const rest = value % by;
  return rest !== 0 && rest < 0 !== by < 0 ? rest + by : rest;
}

// 0^0 is an error in Excel, and (-8)^(1/3) is -2.
function power(base, exponent) {
  if (base === 0 && exponent === 0) throw new CellError(NUMBER);
  if (base === 0 && exponent < 0) throw new CellError(DIVISION);
  const size = Math.abs(exponent);
  if (base < 0 && size > 0 && size < 1 && mod(1 / exponent, 2) === 1) {
    return finite(-Math.pow(-base, exponent));
  }
  return finite(Math.pow(base, exponent));
}

const { abs, cos, max, min, sin, tanh } = Math;
const cosh = (value) => finite(Math.cosh(value));
// 2/√π e^(−x²) Σ 2^n x^(2n+1)/(1·3·5 … (2n+1)), a sum of terms of one sign; beyond 6 it is 1.
function erf(x) {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x, sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n += 1) {
    term *= 2 * x * x / (2 * n + 1);
    sum += term;
  }
  return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
}

const exp = (value) => finite(Math.exp(value));
const int = (value) => Math.floor(value) + 0;
const ln = (value) => (value > 0 ? Math.log(value) : finite(NaN));
const logistic = (z) => (z < -709 ? 0 : 1 / (1 + Math.exp(-z)));
const pi = () => Math.PI;
const relu = (z) => max(0, z);
const sign = (z) => (z > 0) - (z < 0);
const sinh = (value) => finite(Math.sinh(value));
const sqrt = (value) => (value >= 0 ? Math.sqrt(value) : finite(NaN));

// Numbers that sum up a column of the data; one by which something is divided is 1 instead of 0.
const total = (numbers) => numbers.reduce((sum, number) => sum + number, 0);
const mean = (numbers) => total(numbers) / numbers.length;
const quantile = (numbers, share) => {
  const sorted = numbers.slice().sort((a, b) => a - b), place = share * (sorted.length - 1);
  const low = Math.floor(place), high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
};
const span = (numbers) => max(...numbers) - min(...numbers) || 1;
const STATISTICS = {
  mean,
  sd: (numbers) => (max(...numbers) === min(...numbers) ? 1 : sqrt(mean(numbers.map((x) => (x - mean(numbers)) ** 2)))),
  least: (numbers) => min(...numbers),
  span,
  largest: (numbers) => max(max(...numbers), -min(...numbers)) || 1,
  median: (numbers) => quantile(numbers, 0.5),
  spread: (numbers) => quantile(numbers, 0.75) - quantile(numbers, 0.25) || 1,
};

// The most values of a run, so that a phone has room for them. A longer run is computed in part.
const MOST_VALUES = 8e6;

// The rows of a run, computed up to the row that is asked for.
class Run {
  constructor(content, formulas) {
    this.formulas = formulas;
    this.width = formulas.length;
    this.given = content.given;
    this.names = content.parameters.map(({ name }) => name);
    // The places of the parameters that follow from the data, with the statistic and the table.
    const places = new Map(content.tables.map(([name], index) => [name, index]));
    this.following = content.parameters.flatMap(({ follows }, index) => (follows ? [[index, follows[0], places.get(follows[1])]] : []));
    this.rows = Math.max(1, Math.min(content.iterations, Math.floor(MOST_VALUES / this.width)));
    this.values = new Float64Array(this.rows * this.width);
    this.original = {
      starts: content.starts,
      parameters: content.parameters.map((cell) => cell.value),
      tables: content.tables.map(([, table]) => table),
    };
    this.restore();
  }

  // Restores the numbers of the experiment file.
  restore() {
    const { starts, parameters, tables } = this.original;
    this.starts = starts.slice();
    this.parameters = parameters.slice();
    this.tables = tables.map((table) => table.slice());
    this.forget();
  }

  // Forgets the computed rows, since the numbers have changed.
  forget() {
    this.done = 0;
    this.codes = new Map();
  }

  // Computes the parameters that follow from the data.
  follow() {
    for (const [index, name, table] of this.following) this.parameters[index] = STATISTICS[name](this.tables[table]);
  }

  // A parameter as a file has it: no batch is larger than the data.
  setting(index) {
    const value = this.parameters[index];
    return this.names[index] === "batch_size" ? min(value, this.tables[0]?.length ?? 1) : value;
  }

  row(index) {
    return this.values.subarray(index * this.width, (index + 1) * this.width);
  }

  // Computes rows until there are `count` of them.
  ensure(count) {
    if (this.done === 0) this.follow();
    const until = Math.min(count, this.rows);
    while (this.done < until) {
      this.compute(this.done);
      this.done += 1;
    }
  }

  compute(index) {
    const row = this.row(index), before = index ? this.row(index - 1) : null;
    if (!this.codes.has(index - 1)) {
      try {
        this.fill(row, before ?? [], index, row);
        if (row.every(Number.isFinite)) return;
      } catch (error) {
        if (!(error instanceof CellError)) throw error;
      }
    }
    this.computeWithErrors(index, row, before);
  }

  // Computes every column of a row. `seen` is the row that formulas read.
  fill(row, before, index, seen, failed) {
    for (let column = 0; column < this.width; column += 1) {
      const formula = this.formulas[column];
      try {
        if (index === 0 && this.starts[column] !== null) row[column] = this.starts[column];
        else if (formula === null) row[column] = this.given[column][index];
        else {
          row[column] = formula(seen, before, this.parameters, this.tables);
          if (failed) finite(row[column]);
        }
      } catch (error) {
        if (!failed || !(error instanceof CellError)) throw error;
        failed(column, error.code);
      }
    }
  }

  // Computes a row in which a formula that reads an error gives that error.
  computeWithErrors(index, row, before) {
    const codes = new Uint8Array(this.width), last = this.codes.get(index - 1);
    const watched = (values, errors) => new Proxy(values, {
      get(target, column) {
        if (errors && errors[column]) throw new CellError(errors[column]);
        return target[column];
      },
    });
    const none = new Proxy([], { get() { throw new CellError(NUMBER); } });
    this.fill(row, before ? watched(before, last) : none, index, watched(row, codes), (column, code) => {
      row[column] = NaN;
      codes[column] = code;
    });
    if (codes.some((code) => code)) this.codes.set(index, codes);
  }

  value(index, column) {
    return this.values[index * this.width + column];
  }

  // The error in a cell, or "".
  error(index, column) {
    const codes = this.codes.get(index);
    return codes ? ERRORS[codes[column]] : "";
  }

  // The value of a weight in the next row, or null for an error.
  next(index, column) {
    if (this.codes.get(index)) return null;
    try {
      return finite(this.formulas[column](null, this.row(index), this.parameters, this.tables));
    } catch (error) {
      if (error instanceof CellError) return null;
      throw error;
    }
  }
}
