//! Rows of ProGet's management API, whose answers are plain text.

mod documents;
mod packages;

use crate::row::Row;

pub(crate) fn rows() -> Vec<Row> {
    [documents::rows(), packages::rows()].into_iter().flatten().collect()
}

pub(crate) fn slow() -> Vec<Row> {
    packages::slow()
}
