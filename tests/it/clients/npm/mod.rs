//! npm, by theme: packages and their life, people and their keys, refusals.

mod accounts;
mod packages;
mod refusals;
