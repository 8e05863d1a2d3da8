/* Angle² + speed² of a pendulum after 1,000 Runge-Kutta steps, and its gradient: programs.py, by hand.

   The order of every sum is that of foldgrad, so the bits are, too. Kept for the way back: where the
   four slopes of every step were taken, and the sines there. start: angle, speed, gravity. */
#include <math.h>

enum { STEPS = 1000 };

double value_and_gradient(const double *restrict start, double *restrict gradient) {
    static double places[STEPS][4], sines[STEPS][4];
    const double h = 0.01, half = 0.01 / 2, w = 0.01 / 6, g = start[2];
    double angle = start[0], speed = start[1];

    for (int n = 0; n < STEPS; n++) {
        double *x = places[n], *s = sines[n];
        x[0] = angle;
        double a1 = speed, b1 = -(g * (s[0] = sin(x[0])));
        x[1] = angle + a1 * half;
        double a2 = speed + b1 * half, b2 = -(g * (s[1] = sin(x[1])));
        x[2] = angle + a2 * half;
        double a3 = speed + b2 * half, b3 = -(g * (s[2] = sin(x[2])));
        x[3] = angle + a3 * h;
        double a4 = speed + b3 * h, b4 = -(g * (s[3] = sin(x[3])));
        angle += (a1 + 2 * a2 + 2 * a3 + a4) * w;
        speed += (b1 + 2 * b2 + 2 * b3 + b4) * w;
    }

    double value = angle * angle + speed * speed;
    double d_angle = 2 * angle, d_speed = 2 * speed, d_g = 0.0;
    for (int n = STEPS - 1; n >= 0; n--) {
        const double *x = places[n], *s = sines[n];
        double da = w * d_angle, db = w * d_speed; /* of a1 + 2 a2 + 2 a3 + a4, and of b's */
        double dx, da2, da3, db1, db2, db3;
        d_speed += da;
        d_g += s[3] * -db;
        dx = cos(x[3]) * (g * -db);
        d_speed += da;
        db3 = 2 * db + h * da;
        d_angle += dx;
        da3 = 2 * da + h * dx;

        d_g += s[2] * -db3;
        dx = cos(x[2]) * (g * -db3);
        d_speed += da3;
        db2 = 2 * db + half * da3;
        d_angle += dx;
        da2 = 2 * da + half * dx;

        d_g += s[1] * -db2;
        dx = cos(x[1]) * (g * -db2);
        d_speed += da2;
        db1 = db + half * da2;
        d_angle += dx;
        d_speed += half * dx;

        d_g += s[0] * -db1;
        d_angle += cos(x[0]) * (g * -db1);
    }
    gradient[0] = d_angle, gradient[1] = d_speed, gradient[2] = d_g;
    return value;
}
