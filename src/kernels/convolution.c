#include "kernels/convolution.h"

#include "kernels/convolution_methods.h"

const struct convolution_method *const convolution_methods[] = {&convolution_winograd, &convolution_direct,
                                                                &convolution_windows, NULL};

int convolution_places(int side, int kernel, int stride, int padding)
{
    const int room = side + 2 * padding - kernel;
    return room < 0 ? 0 : room / stride + 1;
}

size_t convolution_input_size(const struct convolution *c)
{
    return (size_t)c->height * (size_t)c->width * (size_t)c->channels;
}

size_t convolution_output_size(const struct convolution *c)
{
    return (size_t)c->out_height * (size_t)c->out_width * (size_t)c->out_channels;
}

size_t convolution_window_size(const struct convolution *c)
{
    return (size_t)c->kernel * (size_t)c->kernel * (size_t)c->channels;
}

struct convolution convolution_way_back(const struct convolution *c)
{
    return (struct convolution){.height = c->out_height,
                                .width = c->out_width,
                                .channels = c->out_channels,
                                .kernel = c->kernel,
                                .stride = 1,
                                .padding = c->kernel - 1 - c->padding,
                                .out_height = c->height,
                                .out_width = c->width,
                                .out_channels = c->channels};
}

const struct convolution_method *convolution_method(const struct convolution *c, enum convolution_pass pass)
{
    for (int m = 0; convolution_methods[m] != NULL; m++)
        if (convolution_methods[m]->fits(c, pass))
            return convolution_methods[m];
    return &convolution_windows;
}

size_t convolution_scratch(const struct convolution *c, enum convolution_pass pass)
{
    return convolution_method(c, pass)->scratch(c, pass);
}

size_t convolution_prepared(const struct convolution *c, enum convolution_pass pass)
{
    return convolution_method(c, pass)->prepared(c, pass);
}

const float *convolution_prepare(const struct convolution *c, enum convolution_pass pass, const float *weights,
                                 float *room)
{
    const struct convolution_method *const method = convolution_method(c, pass);
    if (method->prepared(c, pass) == 0)
        return weights;
    method->prepare(c, pass, weights, room);
    return room;
}

void convolution_forward(const struct convolution *c, int n, const float *x, const float *prepared,
                         const struct epilogue *epilogue, float *scratch, float *y)
{
    convolution_method(c, FORWARD)->forward(c, n, x, prepared, epilogue, scratch, y);
}

void convolution_input_gradient(const struct convolution *c, int n, const float *dy, const float *prepared,
                                float *scratch, float *dx)
{
    convolution_method(c, INPUT_GRADIENT)->input_gradient(c, n, dy, prepared, scratch, dx);
}

void convolution_weight_gradient(const struct convolution *c, int n, const float *x, const float *dy, float *scratch,
                                 float *dweights)
{
    convolution_method(c, WEIGHT_GRADIENT)->weight_gradient(c, n, x, dy, scratch, dweights);
}
