//! The example programs share nothing but this package.
