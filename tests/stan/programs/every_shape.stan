// Variables of every kind, some of them empty, whose values say where they stand.
data {
  int<lower=0> N;
  int<lower=0> E;
  vector[N] y;
  array[E] real none;
  array[3] real gaps;
}
parameters {
  real mu;
  vector[E] nothing;
  matrix[2, 3] slope;
  tuple(real, vector[2]) pair;
  complex z;
}
transformed parameters {
  array[E, 3] real no_rows;
  array[2] complex_vector[2] w;
  for (i in 1 : 2) {
    for (j in 1 : 2) {
      w[i, j] = to_complex(10 * i + j, mu);
    }
  }
}
model {
  mu ~ normal(0, 1);
  y ~ normal(mu, 1);
  to_vector(slope) ~ std_normal();
  pair.1 ~ std_normal();
  pair.2 ~ std_normal();
  get_real(z) ~ std_normal();
  get_imag(z) ~ std_normal();
}
generated quantities {
  real undefined = not_a_number();
  vector[2] unbounded = [negative_infinity(), positive_infinity()]';
  array[2] matrix[2, 3] place;
  array[3] tuple(int, array[2] real) records;
  array[2, E] int none_each;
  matrix[0, 2] no_matrix;
  complex_matrix[2, 3] field;
  for (i in 1 : 2) {
    for (j in 1 : 2) {
      for (k in 1 : 3) {
        place[i, j, k] = 100 * i + 10 * j + k;
        field[j, k] = to_complex(10 * j + k, -k);
      }
    }
  }
  for (i in 1 : 3) {
    records[i].1 = i;
    records[i].2 = {10 * i + 1, 10 * i + 2};
  }
}
