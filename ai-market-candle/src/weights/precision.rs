use std::fmt;

/// How the weights are stored. Computation is in f32 whatever it is.
///
/// Ordered from the coarsest to the finest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Precision {
    /// 8-bit integers with one f32 scale per row of a matrix.
    Int8,
    /// bfloat16: 8 bits of exponent, 7 of fraction.
    Bf16,
    /// IEEE half precision.
    F16,
    /// IEEE single precision.
    F32,
}

impl Precision {
    /// The name: `int8`, `bf16`, `f16` or `f32`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Int8 => "int8",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
            Self::F32 => "f32",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
