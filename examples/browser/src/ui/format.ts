/** Values as people read them, in their own language where the browser knows it. */

import type { Person } from '../api.ts';

const longDate = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });
const time = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const counts = new Intl.NumberFormat();
const oneDigit = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

export function size(octets: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let unit = 0;
  let value = octets;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 10 && unit > 0 ? oneDigit.format(value) : counts.format(Math.round(value))} ${units[unit]}`;
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${counts.format(number)} ${number === 1 ? one : many}`;
}

export function fullDate(milliseconds: number): string {
  return longDate.format(milliseconds);
}

export function shortDate(milliseconds: number, now = new Date()): string {
  const date = new Date(milliseconds);
  if (date.toDateString() === now.toDateString()) return time.format(date);
  return (date.getFullYear() === now.getFullYear() ? dayOfYear : day).format(date);
}

export function people(persons: readonly Person[]): string {
  return persons.map(person).join(', ');
}

function person({ name, address, members }: Person): string {
  if (members) return `${name ?? 'Group'}: ${people(members) || 'nobody'}`;
  if (name && address) return `${name} <${address}>`;
  return name ?? address ?? '';
}
