// A normal distribution that begins at the edge of where chains start.
data {
  real begin; // below it there is no density
}
parameters {
  real x;
}
model {
  if (x < begin) {
    reject("x must be above ", begin);
  }
  x ~ normal(8, 1);
}
