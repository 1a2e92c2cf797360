//! The little linear algebra that a Newton step needs: a symmetric positive definite system.

/// A symmetric matrix of which only the lower triangle, row by row, is kept.
pub(crate) struct Symmetric {
    size: usize,
    lower: Vec<f64>,
}

impl Symmetric {
    pub(crate) fn zero(size: usize) -> Self {
        Self { size, lower: vec![0.0; size * (size + 1) / 2] }
    }

    /// Row `i` from column 0 to `i`.
    #[expect(clippy::indexing_slicing, reason = "row `i < size` lies within the triangle by construction")]
    pub(crate) fn row_mut(&mut self, i: usize) -> &mut [f64] {
        let start = i * (i + 1) / 2;
        &mut self.lower[start..=start + i]
    }

    /// Solves A·x = b by Cholesky's decomposition, in place. None where the matrix is not positive definite in
    /// floating point.
    #[expect(clippy::indexing_slicing, reason = "i ≥ j ≥ k all lie within the triangle, b has `size` entries: checked")]
    pub(crate) fn solve(mut self, mut b: Vec<f64>) -> Option<Vec<f64>> {
        let n = self.size;
        if b.len() != n {
            return None;
        }
        let at = |i: usize, j: usize| i * (i + 1) / 2 + j;
        let a = &mut self.lower;
        for i in 0..n {
            for j in 0..=i {
                let (row_i, row_j) = (at(i, 0), at(j, 0));
                let dot: f64 = (0..j).map(|k| a[row_i + k] * a[row_j + k]).sum();
                let rest = a[row_i + j] - dot;
                a[row_i + j] = if i == j {
                    // Written so that NaN fails too.
                    if !(rest > 0.0 && rest.is_finite()) {
                        return None;
                    }
                    rest.sqrt()
                } else {
                    rest / a[row_j + j]
                };
            }
        }
        for i in 0..n {
            let dot: f64 = (0..i).map(|k| a[at(i, k)] * b[k]).sum();
            b[i] = (b[i] - dot) / a[at(i, i)];
        }
        for i in (0..n).rev() {
            let dot: f64 = (i + 1..n).map(|k| a[at(k, i)] * b[k]).sum();
            b[i] = (b[i] - dot) / a[at(i, i)];
        }
        b.iter().all(|x| x.is_finite()).then_some(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_and_refuses() {
        let matrix = |rows: [&[f64]; 3]| {
            let mut m = Symmetric::zero(3);
            for (i, row) in rows.into_iter().enumerate() {
                m.row_mut(i).copy_from_slice(row);
            }
            m
        };
        let x = matrix([&[4.0], &[2.0, 5.0], &[1.0, 3.0, 6.0]]).solve(vec![9.0, 21.0, 25.0]).unwrap();
        // The product with the matrix gives the right side back.
        let full = [[4.0, 2.0, 1.0], [2.0, 5.0, 3.0], [1.0, 3.0, 6.0]];
        for (row, b) in full.iter().zip([9.0, 21.0, 25.0]) {
            let product: f64 = row.iter().zip(&x).map(|(a, x)| a * x).sum();
            assert!((product - b).abs() < 1e-12, "{product} {b}");
        }
        assert!(matrix([&[1.0], &[2.0, 1.0], &[0.0, 0.0, 1.0]]).solve(vec![1.0; 3]).is_none(), "indefinite");
        assert!(matrix([&[f64::NAN], &[0.0, 1.0], &[0.0, 0.0, 1.0]]).solve(vec![1.0; 3]).is_none(), "not a number");
        assert!(matrix([&[1.0], &[0.0, 1.0], &[0.0, 0.0, 1.0]]).solve(vec![1.0; 2]).is_none(), "another size");
    }
}
