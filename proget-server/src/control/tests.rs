//! Tests of orders and their way.
