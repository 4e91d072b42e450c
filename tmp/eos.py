import h5py, numpy as np
np.set_printoptions(precision=2, suppress=True, linewidth=150)
f=h5py.File('/work/next-A/tmp/eos.h5')
g=f['curvature']
for t,lr in enumerate(f['trials/train.learning_rate'][()]):
    print(lr, 2/lr, g['eigenvalue'][t,:,0], g['train_loss'][t,::4], g['iterations'][t,::4], f['trials/outcome'][t])
