/* The hinge loss with L2 of a 2-16-16-1 network on 100 points, and its gradient: programs.py, by hand.

   The order of every sum is that of foldgrad, so the bits are, too: the points backwards for the
   gradient (one pass a point, forward and backward), forwards for the value. Where relu is off its
   adjoint is 0. p: a row for every neuron, its weights, then its bias. */
#include <string.h>

enum { POINTS = 100, WIDTH = 16, PARAMETERS = 3 * WIDTH + 17 * WIDTH + 17 };

double value_and_gradient(const double *restrict p, const double *restrict rows,
                          const double *restrict labels, double *restrict gradient) {
    const double *p2 = p + 3 * WIDTH, *p3 = p2 + 17 * WIDTH;
    double *g1 = gradient, *g2 = g1 + 3 * WIDTH, *g3 = g2 + 17 * WIDTH;
    double losses[POINTS], decay = 0.0, total = 0.0;

    for (int k = 0; k < PARAMETERS; k++) {
        decay += p[k] * p[k];
        gradient[k] = 2e-4 * p[k];
    }
    for (int n = POINTS - 1; n >= 0; n--) {
        const double *x = rows + 2 * n;
        double h1[WIDTH], h2[WIDTH], d1[WIDTH], d2[WIDTH];
        for (int i = 0; i < WIDTH; i++) {
            double a = p[3 * i + 2];
            for (int j = 0; j < 2; j++) a += p[3 * i + j] * x[j];
            h1[i] = a > 0 ? a : 0;
        }
        for (int i = 0; i < WIDTH; i++) {
            double a = p2[17 * i + 16];
            for (int j = 0; j < WIDTH; j++) a += p2[17 * i + j] * h1[j];
            h2[i] = a > 0 ? a : 0;
        }
        double score = p3[16];
        for (int j = 0; j < WIDTH; j++) score += p3[j] * h2[j];
        double margin = 1 + -labels[n] * score;
        losses[n] = margin > 0 ? margin : 0;

        double d = margin > 0 ? -labels[n] * (1.0 / POINTS) : 0;
        g3[16] += d;
        for (int j = 0; j < WIDTH; j++) {
            g3[j] += d * h2[j];
            d2[j] = h2[j] > 0 ? d * p3[j] : 0;
            d1[j] = 0;
        }
        for (int i = WIDTH - 1; i >= 0; i--) {
            g2[17 * i + 16] += d2[i];
            for (int j = 0; j < WIDTH; j++) {
                g2[17 * i + j] += d2[i] * h1[j];
                d1[j] += d2[i] * p2[17 * i + j];
            }
        }
        for (int i = 0; i < WIDTH; i++) {
            double di = h1[i] > 0 ? d1[i] : 0;
            g1[3 * i + 2] += di;
            for (int j = 0; j < 2; j++) g1[3 * i + j] += di * x[j];
        }
    }
    for (int n = 0; n < POINTS; n++) total += losses[n];
    return total * (1.0 / POINTS) + 1e-4 * decay;
}
