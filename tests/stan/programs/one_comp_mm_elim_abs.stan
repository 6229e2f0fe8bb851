// posteriordb: one_comp_mm_elim_abs, one compartment with first-order
// absorption and Michaelis-Menten elimination.
functions {
  vector change(real t, vector C, real k_a, real K_m, real V_m, real D,
                real V) {
    real dose = exp(-k_a * t) * D * k_a / V;
    return [dose - V_m / V * C[1] / (K_m + C[1])]';
  }
}
data {
  real t0;
  real<lower=0> D;
  real<lower=0> V;
  int<lower=1> N_t;
  array[N_t] real times;
  array[N_t] real<lower=0> C_hat;
}
parameters {
  real<lower=0> k_a;
  real<lower=0> K_m;
  real<lower=0> V_m;
  real<lower=0> sigma;
}
model {
  array[N_t] vector[1] C = ode_bdf_tol(change, [0]', t0, times, 1e-6, 1e-6,
                                       10000, k_a, K_m, V_m, D, V);
  k_a ~ cauchy(0, 1);
  K_m ~ cauchy(0, 1);
  V_m ~ cauchy(0, 1);
  sigma ~ cauchy(0, 1);
  C_hat ~ lognormal(log(C[ : , 1]), sigma);
}
